/** One call has at most this many verdicts. It asks for at most this many tasks if the worker runs no batches. */
export const CALL_TASKS = 250;
/** A call of a worker that runs batches asks for at most this many tasks, which is the most that the engine grants. */
export const BATCH_TASKS = 500;
// With this many slots and tasks ahead, a batch is split into two calls. Smaller batches are not, because a call has a
// fixed cost.
const HALVES_FROM = 32;
const EARLY_VERDICTS = 8;

/**
 * The numbers from which a queue of a worker decides how many tasks to ask for. They are the numbers of the whole
 * worker, unless their comment says otherwise.
 */
export interface Situation {
  slots: number;
  /** Handlers that run. */
  running: number;
  /** Held tasks. Each of them runs, waits for a slot, or has a verdict on its way to Redis. */
  held: number;
  /** Held tasks whose verdicts are on their way to Redis. */
  settling: number;
  /**
   * The number of verdicts that are not sent yet, if new tasks may already be acquired for their slots. That is so for
   * a batch, because all its verdicts come together. Otherwise 0.
   */
  unsent: number;
  /** The most tasks to ask for in one call. */
  callTasks: number;
  /** How many tasks were asked for in calls that have no answer yet. */
  reserved: number;
  /** Whether a task runs alone, or may be about to. */
  exclusive: boolean;
  /** The queue for which the worker makes room, because a task of that queue has to run alone. */
  makesRoomFor: "nobody" | "this queue" | "another queue";
  /** This queue acquires no tasks, because it stops or because an operator drains it. */
  yields: boolean;
  /** This queue had no task to grant at the last call, and its runner sleeps. */
  idle: boolean;
  /** Whether every other queue of the worker is idle, or waits for Redis after a failed call. */
  alone: boolean;
  /** How many tasks to hold ahead of the slots, by the pace of the handlers. */
  ahead: number;
  /** Whether batches are split into two calls, as the last call decided. */
  inHalves: boolean;
  /** The unanswered calls of this queue. */
  inFlight: number;
  /** Free entries of the lease table. */
  tableFree: number;
}

/** @param runner the runner for which the worker makes room, if it does */
export function roomIsFor(runner: object | null, own: object): Situation["makesRoomFor"] {
  if (runner === null) return "nobody";
  return runner === own ? "this queue" : "another queue";
}

/** How many tasks to ask for, and whether a batch is split into two calls. */
export interface Wish {
  want: number;
  inHalves: boolean;
}

/** What a queue may claim beside the other queues of the worker. A function is called only if its answer is needed. */
export interface Claim {
  /** Returns how many of the free slots the queue may fill. */
  share(free: number): number;
  /** Returns the whole share of the slots that the queue may have; 0 while another queue goes first. */
  quota(): number;
  /** How many slots the queue uses or has asked tasks for, without the tasks that this call settles. */
  taken: number;
  /** Returns how many tasks all queues together end within the time for which tasks are taken ahead. */
  pace(): number;
}

/**
 * Decides how many tasks the next call should ask for.
 * @param settled how many tasks this call settles, whose slots it can fill again
 */
export function wish(now: Situation, settled: number, claim: Claim): Wish | null {
  if (now.yields || now.idle || now.exclusive) return null;
  const held = now.held - settled + now.reserved;
  if (now.makesRoomFor !== "nobody")
    return now.makesRoomFor === "this queue" && held === 0 ? { want: 1, inHalves: now.inHalves } : null;
  // A task whose verdict is on its way has ended, so its slot is free. The tasks that this call asks for are in
  // `reserved`.
  const free = now.slots - held + now.settling + now.unsent;
  // While a call is on its way, the worker does not make another call only to take tasks ahead of the slots.
  const mayTakeAhead = settled > 0 || now.inFlight === 0;
  const own = free <= 0 ? 0 : claim.share(free);
  if (!now.alone)
    return { want: atMost(now, mayTakeAhead ? besideOthers(now, own, claim) : own), inHalves: now.inHalves };
  const ahead = mayTakeAhead ? now.ahead : 0;
  const whole = now.slots + ahead;
  const inHalves = mayTakeAhead ? ahead > 0 && whole >= HALVES_FROM : now.inHalves;
  // Both calls ask for equal parts of the tasks to acquire ahead. Otherwise one call would get nearly all of these
  // tasks while the other waits.
  const most = inHalves ? Math.max(own, whole >> 1) : whole;
  return { want: atMost(now, Math.min(own + Math.min(ahead, free + ahead), most)), inHalves };
}

const atMost = (now: Situation, want: number) => Math.max(0, Math.min(want, now.callTasks, now.tableFree));

/**
 * Returns how many tasks a queue asks for while other queues of the worker have waiting tasks too: what it lacks to its
 * share of the slots, and tasks ahead by the pace of its own handlers.
 * @param own how many of the free slots it may fill
 */
function besideOthers(now: Situation, own: number, claim: Claim): number {
  const quota = claim.quota();
  if (quota === 0) return own;
  const unmet = quota - claim.taken;
  // Tasks that others took ahead may use all slots. Slots become free at the pace of the worker, and this queue begins
  // first until it has its share.
  const filled = Math.max(own, Math.min(Math.max(0, unmet), claim.pace()));
  return filled + Math.min(now.ahead, Math.max(0, unmet - filled + now.ahead));
}

/**
 * Decides whether verdicts may wait for others. They may if every slot is busy and enough tasks are held ahead for the
 * slots that become free meanwhile. So a worker with slow handlers sends a few large calls instead of one call for each
 * handler that ends.
 * @param verdicts how many verdicts wait to be sent
 * @param taken how many tasks are held ahead and have not begun
 */
export function gathers(now: Situation, verdicts: number, taken: number): boolean {
  if (verdicts === 0 || verdicts >= CALL_TASKS || now.yields) return false;
  if (now.makesRoomFor !== "nobody" || now.exclusive || now.running < now.slots || !now.alone) return false;
  return taken > 0 && taken >= now.ahead >> 1;
}

/**
 * Returns how many verdicts are enough for a call while no call is unanswered: half of the last batch, so that Redis
 * settles this half while the handlers of the other half run.
 */
export function earlyVerdicts(granted: number): number {
  return Math.max(EARLY_VERDICTS, granted >> 1);
}

/** One call settles at most this many tasks. Without batch handlers, it also asks for at most this many. */
export const CALL_TASKS = 250;
/** With batch handlers, one call asks for at most this many tasks, the most that a script grants. */
export const BATCH_TASKS = 500;
// With this many slots and tasks ahead, the work is split into two calls, so that Redis settles one half while the
// other half runs. Smaller amounts are not split, because each call has a fixed cost.
const HALVES_FROM = 32;
const EARLY_VERDICTS = 8;

/**
 * The numbers from which a worker decides how many tasks of one queue to ask for. Each number is about the whole
 * worker, unless its comment says otherwise.
 */
export interface Situation {
  slots: number;
  running: number;
  /** Tasks that the worker holds: they run, wait for a slot, or have ended and are not settled yet. */
  held: number;
  /** Ended tasks whose verdicts were sent to Redis and are not answered yet. */
  settling: number;
  /**
   * Ended tasks of a batch whose verdicts are not sent yet. Their slots may already be filled, because all verdicts of
   * a batch are sent together. 0 if the worker runs no batches.
   */
  unsent: number;
  /** The most tasks to ask for in one call. */
  callTasks: number;
  /** How many tasks were asked for in calls that Redis has not answered yet. */
  reserved: number;
  /** True if a task runs alone, or an unanswered call may bring such a task. */
  exclusive: boolean;
  /** The queue with a task that has to run alone. The worker takes no other task until it is free for that one. */
  makesRoomFor: "nobody" | "this queue" | "another queue";
  /** Whether this queue acquires no tasks, because the worker stops or an operator drains it. */
  yields: boolean;
  /** Whether the last call found no task in this queue. Then its runner waits to be woken. */
  idle: boolean;
  /** True if every other queue of the worker is idle, or waits after a failed call. */
  alone: boolean;
  /** How many tasks to acquire ahead of the slots, computed from the pace of the handlers. */
  ahead: number;
  /** Whether the last call decided to split the work into two calls. */
  inHalves: boolean;
  /** How many calls of this queue Redis has not answered yet. */
  inFlight: number;
  /** Free entries of the lease table. */
  tableFree: number;
}

/** @param runner the runner of the queue whose task has to run alone; null if there is none */
export function roomIsFor(runner: object | null, own: object): Situation["makesRoomFor"] {
  if (runner === null) return "nobody";
  return runner === own ? "this queue" : "another queue";
}

/** How many tasks to ask for, and whether to split the work into two calls. */
export interface Wish {
  want: number;
  inHalves: boolean;
}

/** What a queue may use of the slots that it shares with other queues. The functions are called only when needed. */
export interface Claim {
  /** Returns how many of the free slots the queue may fill. */
  share(free: number): number;
  /** Returns how many slots belong to the queue by its weight; 0 while another queue is served first. */
  quota(): number;
  /** How many slots the queue uses or has asked tasks for, not counting the tasks that this call settles. */
  taken: number;
  /** Returns how many tasks all queues together end within the time for which tasks are acquired ahead. */
  pace(): number;
}

/**
 * Decides how many tasks the next call asks for; null if it should ask for none.
 * @param settled how many tasks this call settles, which frees their slots
 */
export function wish(now: Situation, settled: number, claim: Claim): Wish | null {
  if (now.yields || now.idle || now.exclusive) return null;
  const held = now.held - settled + now.reserved;
  if (now.makesRoomFor !== "nobody")
    return now.makesRoomFor === "this queue" && held === 0 ? { want: 1, inHalves: now.inHalves } : null;
  // A task that was sent to be settled has ended, so its slot is free. Tasks that replace it are counted in `reserved`.
  const free = now.slots - held + now.settling + now.unsent;
  // While another call is unanswered, the worker makes no call that would only acquire tasks ahead of the slots.
  const mayTakeAhead = settled > 0 || now.inFlight === 0;
  const own = free <= 0 ? 0 : claim.share(free);
  if (!now.alone)
    return { want: atMost(now, mayTakeAhead ? besideOthers(now, own, claim) : own), inHalves: now.inHalves };
  const ahead = mayTakeAhead ? now.ahead : 0;
  const whole = now.slots + ahead;
  const inHalves = mayTakeAhead ? ahead > 0 && whole >= HALVES_FROM : now.inHalves;
  // Each of the two calls asks for half of the tasks ahead. Otherwise the first call would get nearly all of them.
  const most = inHalves ? Math.max(own, whole >> 1) : whole;
  return { want: atMost(now, Math.min(own + Math.min(ahead, free + ahead), most)), inHalves };
}

const atMost = (now: Situation, want: number) => Math.max(0, Math.min(want, now.callTasks, now.tableFree));

/**
 * Returns how many tasks a queue asks for while other queues of the worker have tasks too: enough to fill its share of
 * the slots, and some ahead by the pace of its own handlers.
 * @param own how many of the free slots the queue may fill
 */
function besideOthers(now: Situation, own: number, claim: Claim): number {
  const quota = claim.quota();
  if (quota === 0) return own;
  const unmet = quota - claim.taken;
  // Other queues may use all slots now. This queue gets those that become free first, until it has its share.
  const filled = Math.max(own, Math.min(Math.max(0, unmet), claim.pace()));
  return filled + Math.min(now.ahead, Math.max(0, unmet - filled + now.ahead));
}

/**
 * Decides whether ended tasks may wait, so that they are settled in one call with others. They may if every slot is
 * busy and enough tasks are held ahead to fill the slots that become free. So a worker with slow handlers sends a few
 * large calls instead of one call for each task.
 * @param verdicts how many ended tasks wait
 * @param taken how many tasks are held ahead
 */
export function gathers(now: Situation, verdicts: number, taken: number): boolean {
  if (verdicts === 0 || verdicts >= CALL_TASKS || now.yields) return false;
  if (now.makesRoomFor !== "nobody" || now.exclusive || now.running < now.slots || !now.alone) return false;
  return taken > 0 && taken >= now.ahead >> 1;
}

/**
 * Returns how many ended tasks are enough for a call if no call is unanswered: half of the last batch, so that Redis
 * settles this half while the handlers of the other half run.
 */
export function earlyVerdicts(granted: number): number {
  return Math.max(EARLY_VERDICTS, granted >> 1);
}

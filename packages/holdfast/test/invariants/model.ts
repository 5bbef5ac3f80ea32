// The model with which the random test compares the queue. The file has more than 500 lines, because it is one class
// with one method for each script, and all methods share its tasks.
import { type HoldScope, type Keep, LIMITS } from "@holdfast/contracts";
import { LEASE_MS, MAX_RETRIES } from "../support/test-queue.ts";
import { GIVEN_UP_ATTEMPTS } from "./ledger.ts";
import { Parking } from "./parking.ts";

export const RETENTION_MS = 120_000;
/** The maximum age of dead letters, ms. */
export const MAX_DEAD_AGE_MS = 150_000;
export const IDEMPOTENCY_MS = 200_000;
// The default time-out of an attempt, plus 250 ms in which the worker may still report the time-out.
const DEADLINE_MS = 1_800_250;
// While a task waits for the end of another task, it is scheduled this far in the future, ms.
const NEXT_WAIT_MS = 31_536_000_000;

export type State =
  | "pending"
  | "scheduled"
  | "processing"
  | "completed"
  | "dead"
  | "cancelled"
  | "expired"
  /** A discard can be undone as long as its task is in this state. */
  | "discarded"
  | "purged";

/** While a task is in one of these states, an enqueue with its id makes no new task. */
const ON_THEIR_WAY: readonly State[] = ["pending", "scheduled", "processing"];

/** Returns whether operators and producers can no longer find the task. */
const isGone = (task: { state: State } | undefined) =>
  !task || task.state === "discarded" || task.state === "purged";

export interface ModelTask {
  state: State;
  type: string;
  body: string;
  /** The key; "" if the task has none. */
  key: string;
  /** The unique key; "" if the task has none. */
  unique: string;
  priority: string;
  /**
   * The place among the tasks that were never granted, in the order of their enqueues; null if the place is unknown.
   */
  order: number | null;
  given: boolean;
  maxAttempts: number;
  expiresAtMs: number;
  expiresInMs: number;
  attempts: number;
  crashes: number;
  releases: number;
  generation: number;
  solo: boolean;
  /** Whether the task runs, and a limit of its type applied when it was granted. */
  counted: boolean;
  cancelRequested: boolean;
  touched: boolean;
  dueMs: number;
  token: string;
  leaseUntilMs: number;
  deadlineMs: number;
  endedMs: number;
  keep: Keep | null;
  /** When the task became a dead letter, if it was discarded after that. */
  diedMs?: number;
  /** The last operation that discarded the task. */
  discard: string;
  /** With keepLatest: the task for whose end this task waits; null if it waits for none. */
  awaits: string | null;
  /** With keepLatest: whether the task that this one waited for has ended, but did not make this one due. */
  isForgotten: boolean;
  /** With keepLatest: whether another task has waited for the end of this one. It may have stopped waiting. */
  hasNext: boolean;
  /** Whether the task is scheduled because its handler waits for a signal. */
  waits: boolean;
  /** Whether the task got a signal that it waits for, in this life. The model never consumes the signal. */
  signalled: boolean;
  /** Whether the task was acknowledged. The id of such a task stays known, even after a purge. */
  completed: boolean;
}

/** The kinds of verdicts on an attempt. */
export type Kind =
  | "ack"
  | "fail"
  | "fatal"
  | "release"
  | "unstarted"
  | "unrouted"
  | "limited"
  | "excuse"
  | "suspend"
  | "cancel"
  | "drop";

export interface NewTask {
  id: string;
  given: boolean;
  /** Whether the enqueue is a duplicate if the id belongs to an ended task, however that task ended. */
  once: boolean;
  type: string;
  body: string;
  key: string;
  unique: string;
  keepLatest: boolean;
  maxRetries: number;
  delayMs: number;
  expiresInMs: number;
  priority: "high" | "normal" | "low";
  keepPayload: boolean;
  keep: Keep | null;
}

/** A change of a waiting task. */
export interface ModelChange {
  delayMs?: number;
  priority?: NewTask["priority"];
  key?: string;
  payload?: boolean;
}

/** The first letter of the record of a task that is not waiting. */
const LETTERS: Partial<Record<State, string>> = {
  ...{ processing: "l", completed: "c", dead: "d", cancelled: "x", expired: "e" },
};

/** The limits of a queue. The key "" stands for the queue itself, and `/t` for the type t. */
class ModelLimits {
  /** Whether the queue ever had a task with a key, a limit or a hold. */
  used = false;
  queue = Number.POSITIVE_INFINITY;
  key = Number.POSITIVE_INFINITY;
  /** The part of a shared limit that this queue gets. */
  share = Number.POSITIVE_INFINITY;
  readonly own = new Map<string, { concurrency: number; untilMs: number }>();
  /** The concurrency of each type that has a limit, or that was held at some time. */
  types = new Map<string, number>();
  readonly #holds = new Map<string, number>();

  ofKey(key: string, nowMs: number): number {
    const own = this.own.get(key);
    return own && own.untilMs > nowMs ? own.concurrency : this.key;
  }

  /** Replaces the limits of all scopes. A type that is held stays in `types`. */
  set(queue: number, key: number, types: Map<string, number>, nowMs: number): void {
    const held = [...this.types.keys()].filter((type) => this.isHeld(`/${type}`, nowMs));
    this.used = true;
    this.queue = queue;
    this.key = key;
    this.types = new Map([...held.map((type) => [type, Number.POSITIVE_INFINITY] as const), ...types]);
  }

  holdType(type: string, untilMs: number): void {
    if (!this.types.has(type)) this.types.set(type, Number.POSITIVE_INFINITY);
    this.hold(`/${type}`, untilMs);
  }

  isHeld(key: string, nowMs: number): boolean {
    return (this.#holds.get(key) ?? 0) > nowMs;
  }

  /** Holds a key or a type. A verdict cannot shorten a longer hold, but an operator can. */
  hold(key: string, untilMs: number, isOperator = false): void {
    this.used = true;
    this.#holds.set(key, isOperator ? untilMs : Math.max(untilMs, this.#holds.get(key) ?? 0));
  }
}

/**
 * The model of a queue: no Redis and no lists, only a map of tasks. The model does not say which of several pending
 * tasks is granted.
 */
export class Model {
  nowMs: number;
  paused = false;
  readonly tasks = new Map<string, ModelTask>();
  /** Every grant that was ever made. The test repeats verdicts of old grants. */
  readonly grants: { id: string; token: string }[] = [];
  readonly parking = new Parking();
  readonly limits = new ModelLimits();
  acceptedTotal = 0;
  /** How many ids were generated, including those of refused tasks. */
  minted = 0;
  purgedTotal = 0;
  droppedTotal = 0;
  /** How many failures, crashes and deaths without a failure there were. */
  failuresTotal = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  in(state: State): [string, ModelTask][] {
    return [...this.tasks].filter(([, task]) => task.state === state);
  }

  /** Returns whether an enqueue of this id begins the next life of its task. */
  hasEnded(id: string): boolean {
    const task = this.tasks.get(id);
    return task !== undefined && !task.completed && ![...ON_THEIR_WAY, "purged"].includes(task.state);
  }

  /** Returns whether another task holds the unique key. */
  isHeld(key: string, id: string): boolean {
    return [...this.tasks].some(
      ([other, task]) =>
        key !== "" && other !== id && task.unique === key && ON_THEIR_WAY.includes(task.state),
    );
  }

  /** Returns the verdicts that are correct for this enqueue. */
  enqueueVerdicts(task: NewTask): string[] {
    const ofKey = this.isHeld(task.unique, task.id) ? (task.keepLatest ? this.#keepLatest(task) : "o") : "n";
    return this.#verdictsOfId(task).map((verdict) => (verdict === "n" ? ofKey : verdict));
  }

  /** Returns the task that waits for the holder of a unique key. If no task waits, returns the holder. */
  latest(key: string, id: string): [string, ModelTask] {
    const live = [...this.tasks].filter(
      ([other, task]) => other !== id && task.unique === key && ON_THEIR_WAY.includes(task.state),
    );
    // Two tasks at most have the key: the holder, and one that waits for its end.
    if (live.length > 2) throw new Error(`${live.length} tasks have the unique key ${key}`);
    return (live.find(([, task]) => task.awaits !== null) ?? live[0]) as [string, ModelTask];
  }

  #keepLatest(task: NewTask): string {
    const [, latest] = this.latest(task.unique, task.id);
    // The next life of an ended task cannot wait for the end of another task.
    if (latest.state === "processing") return this.hasEnded(task.id) ? "u" : "a";
    return latest.type === task.type && latest.key === task.key ? "r" : "x";
  }

  /** Makes the task wait for the end of the task that holds its unique key. */
  follow(task: NewTask): void {
    const [holder, running] = this.latest(task.unique, task.id);
    running.hasNext = true;
    this.accept({ ...task, delayMs: NEXT_WAIT_MS });
    this.task(task.id).awaits = holder;
  }

  /**
   * Gives the waiting task the payload and the options of this enqueue.
   * @param isAside whether the waiting task was put aside, because no worker has a handler for it
   */
  replace(task: NewTask, isAside: boolean): void {
    const [, latest] = this.latest(task.unique, task.id);
    const expiresAtMs = task.expiresInMs > 0 ? this.nowMs + task.expiresInMs : Number.POSITIVE_INFINITY;
    const isOfOtherBand = latest.priority !== task.priority && !this.needsSolo(latest);
    const isMoved = latest.awaits === null && !isAside && (latest.state === "scheduled" || isOfOtherBand);
    // A task that was put aside stays in its place, but the batch for which it waits may start now.
    if (isAside && (isOfOtherBand || latest.expiresAtMs !== expiresAtMs) && !this.paused) this.parking.wake();
    Object.assign(latest, {
      ...{ priority: task.priority, maxAttempts: task.maxRetries + 1, touched: true, keep: task.keep },
      expiresAtMs,
      expiresInMs: task.expiresInMs,
    });
    if (!isMoved) return;
    Object.assign(latest, { state: "pending", order: null, waits: false });
    if (!this.paused) this.parking.wake();
  }

  /** If a task waits for the end of this task, makes it due. */
  #releaseNext(id: string): void {
    for (const [, task] of this.tasks)
      if (task.awaits === id && task.state === "scheduled")
        Object.assign(task, { awaits: null, dueMs: this.nowMs });
  }

  /**
   * If a task has ended, but the task that waits for its end was not made due, makes it due. A sweep of the janitor
   * does the same.
   */
  releaseForgotten(): void {
    for (const [, task] of this.in("scheduled")) if (task.isForgotten) task.dueMs = this.nowMs;
    for (const [, task] of this.tasks) task.isForgotten = false;
  }

  /**
   * Returns the verdicts that are possible for this id. After its idempotency time, an id may still be known, or not.
   */
  #verdictsOfId(task: NewTask): string[] {
    const known = this.tasks.get(task.id);
    if (!known || !task.given) return ["n"];
    const same = this.#isSame(known, task) ? "d" : "c";
    if (known.state === "processing" && known.cancelRequested && !task.once) return ["b"];
    const isFree = !task.once && !known.completed && !ON_THEIR_WAY.includes(known.state);
    if (isFree) return ["n"];
    if (known.state !== "purged") return [same];
    if (!known.given) return ["n"];
    return known.endedMs + IDEMPOTENCY_MS > this.nowMs ? [same] : ["n", same];
  }

  /**
   * Returns whether the bodies are the same. Two expiries are the same if they are the same time or the same delay; a
   * purged task has none.
   */
  #isSame(known: ModelTask, task: NewTask): boolean {
    if (known.body !== task.body || known.type !== task.type) return false;
    if (known.state === "purged" || known.expiresInMs === 0 || task.expiresInMs === 0) return true;
    return (
      known.expiresAtMs === this.nowMs + task.expiresInMs ||
      Math.abs(known.expiresInMs - task.expiresInMs) <= 1_000
    );
  }

  /** @returns whether the enqueue begins a new life of a task that ended */
  accept(task: NewTask): boolean {
    const before = this.tasks.get(task.id);
    const begins = task.given && before !== undefined && before.state !== "purged";
    if (!begins) this.acceptedTotal++;
    else if (before.state === "discarded") this.purgedTotal--;
    this.tasks.set(task.id, {
      state: task.delayMs > 0 ? "scheduled" : "pending",
      type: task.type,
      body: task.body,
      key: task.key,
      unique: task.unique,
      priority: task.priority,
      // The entry of an earlier life may still be in the line, so the place of this life is unknown.
      order: before === undefined && task.delayMs === 0 ? this.tasks.size : null,
      given: task.given,
      maxAttempts: task.maxRetries + 1,
      expiresAtMs: task.expiresInMs > 0 ? this.nowMs + task.expiresInMs : Number.POSITIVE_INFINITY,
      attempts: 0,
      crashes: 0,
      releases: 0,
      generation: begins ? before.generation + 1 : 0,
      counted: false,
      solo: begins && this.needsSolo(before),
      cancelRequested: false,
      touched: begins,
      dueMs: this.nowMs + task.delayMs,
      token: "",
      leaseUntilMs: 0,
      deadlineMs: 0,
      endedMs: 0,
      keep: task.keep,
      discard: "",
      awaits: null,
      isForgotten: false,
      hasNext: false,
      waits: false,
      signalled: false,
      completed: false,
      expiresInMs: task.expiresInMs,
    });
    return begins;
  }

  /** Returns the earliest due time of the scheduled tasks; Infinity if there are none. */
  firstDueMs(): number {
    return Math.min(...this.in("scheduled").map(([, task]) => task.dueMs));
  }

  promote(): number {
    const due = this.in("scheduled").filter(([, task]) => task.dueMs <= this.nowMs);
    for (const [, task] of due) Object.assign(task, { state: "pending", touched: true, waits: false });
    return due.length;
  }

  /** Counts the leased tasks of the queue, or of one key. */
  running(key?: string): number {
    return this.in("processing").filter(([, task]) => key === undefined || task.key === key).length;
  }

  /** Returns whether the limits allow one more task of this key and type. */
  hasRoom({ key, type }: Pick<ModelTask, "key" | "type">): boolean {
    const { limits, nowMs } = this;
    const most = limits.types.get(type);
    const ofType = this.in("processing").filter(([, task]) => task.counted && task.type === type).length;
    if (most !== undefined && (limits.isHeld(`/${type}`, nowMs) || ofType >= most)) return false;
    if (limits.isHeld("", nowMs) || this.running() >= Math.min(limits.queue, limits.share)) return false;
    return key === "" || (!limits.isHeld(key, nowMs) && this.running(key) < limits.ofKey(key, nowMs));
  }

  /** Returns the pending tasks in the same line that came before this task. */
  before(task: ModelTask): [string, ModelTask][] {
    return this.in("pending").filter(
      ([, other]) =>
        other.key === task.key &&
        other.priority === task.priority &&
        other.expiresAtMs > this.nowMs &&
        (other.order ?? Number.POSITIVE_INFINITY) < (task.order ?? 0),
    );
  }

  needsSolo(task: ModelTask): boolean {
    return task.crashes >= 2 || task.solo;
  }

  grant(id: string, token: string): void {
    const task = this.task(id);
    task.state = "processing";
    task.attempts++;
    task.counted = this.limits.types.has(task.type);
    task.order = null;
    task.touched = true;
    task.token = token;
    task.leaseUntilMs = this.nowMs + LEASE_MS;
    task.deadlineMs = this.nowMs + DEADLINE_MS;
    this.grants.push({ id, token });
  }

  holds(id: string, token: string): boolean {
    const task = this.task(id);
    return task.state === "processing" && task.token === token;
  }

  /** @param makesDue whether this end makes a waiting task due */
  end(task: ModelTask, state: State, makesDue = false): void {
    const [id] = [...this.tasks].find(([, other]) => other === task) as [string, ModelTask];
    if (makesDue && task.hasNext) this.#releaseNext(id);
    for (const [, other] of this.tasks)
      if (other.awaits === id) Object.assign(other, { awaits: null, isForgotten: true });
    task.state = state;
    task.endedMs = this.nowMs;
    task.completed = state === "completed";
    task.touched = true;
    task.cancelRequested = false;
    if (state !== "completed") task.token = "";
  }

  /** Applies a verdict. @returns the expected reply */
  settle(kind: Kind, id: string, token: string, delayMs: number, scope: HoldScope = "key"): string {
    const task = this.tasks.get(id);
    if (!task || task.state === "purged" || !task.touched) return "unknown";
    if (task.state !== "processing" || task.token !== token)
      return kind === "ack" && task.state === "completed" && task.token === token ? "acked" : "stale";
    if (kind === "ack") {
      this.#endAttempt(task, "completed");
      this.#trim(task);
      return "acked";
    }
    if (kind === "release") task.releases++;
    if (kind === "fail" || kind === "fatal" || kind === "drop") this.failuresTotal++;
    if (kind === "limited") {
      if (scope === "type") this.limits.holdType(task.type, this.nowMs + delayMs);
      else this.limits.hold(scope === "key" ? task.key : "", this.nowMs + delayMs);
    }
    if (task.cancelRequested || kind === "cancel" || kind === "drop") {
      this.#endAttempt(task, "cancelled");
      return "cancelled";
    }
    task.token = "";
    if (["release", "unstarted", "unrouted", "limited"].includes(kind)) {
      const refunded = kind !== "release" || task.releases <= 10;
      if (!refunded && task.attempts >= task.maxAttempts) {
        this.#endAttempt(task, "dead");
        this.failuresTotal++;
        return "dead";
      }
      if (refunded) task.attempts--;
      task.state = "pending";
      this.parking.wake();
      return "released";
    }
    if (kind === "suspend" && task.signalled) {
      Object.assign(task, { state: "pending", attempts: task.attempts - 1 });
      this.parking.wake();
      return "released";
    }
    if (kind === "excuse" || kind === "suspend") {
      task.attempts--;
      task.waits = kind === "suspend";
      task.dueMs = this.nowMs + delayMs;
      if (task.dueMs < this.firstDueMs() && !this.paused) this.parking.wake();
      task.state = "scheduled";
      return "released";
    }
    if (kind === "fail" && task.attempts < task.maxAttempts) {
      task.dueMs = this.nowMs + delayMs;
      // Waiting workers know the first due time, so only an earlier due time wakes them.
      if (delayMs === 0 || (task.dueMs < this.firstDueMs() && !this.paused)) this.parking.wake();
      task.state = delayMs === 0 ? "pending" : "scheduled";
      return "retried";
    }
    this.#endAttempt(task, "dead");
    return "dead";
  }

  #endAttempt(task: ModelTask, state: State): void {
    this.end(task, state, true);
    if (task.hasNext && !this.paused) this.parking.wake();
  }

  heartbeat(id: string, token: string): string {
    const task = this.tasks.get(id);
    if (task?.state !== "processing" || task.token !== token || task.deadlineMs <= this.nowMs) return "l";
    task.leaseUntilMs = Math.min(this.nowMs + LEASE_MS, task.deadlineMs);
    return task.cancelRequested ? "c" : "r";
  }

  reap(): { requeued: number; dead: number; cancelled: number } {
    const count = { requeued: 0, dead: 0, cancelled: 0 };
    for (const [, task] of this.in("processing")) {
      if (task.leaseUntilMs > this.nowMs) continue;
      task.crashes++;
      this.failuresTotal++;
      if (task.cancelRequested) {
        this.end(task, "cancelled", true);
        if (task.hasNext) this.parking.wake();
        count.cancelled++;
      } else if (task.attempts >= task.maxAttempts) {
        this.end(task, "dead", true);
        if (task.hasNext) this.parking.wake();
        count.dead++;
      } else {
        task.state = "pending";
        task.token = "";
        count.requeued++;
        this.parking.wake();
      }
    }
    return count;
  }

  cancel(id: string): string {
    const task = this.tasks.get(id);
    if (!task || isGone(task)) return "not_found";
    if (task.state === "cancelled") return "cancelled";
    if (task.state === "processing") {
      task.cancelRequested = true;
      return "requested";
    }
    if (task.state !== "pending" && task.state !== "scheduled") return "too_late";
    this.#endAttempt(task, "cancelled");
    return "cancelled";
  }

  /** Makes dead letters from scheduled tasks. @returns a letter for each task */
  giveUp(ids: string[], reason: "fatal" | "crashes_exhausted"): string {
    return ids
      .map((id) => {
        const task = this.tasks.get(id);
        if (!task || task.state === "purged") return "u";
        if (task.state === "dead") return "d";
        if (task.state !== "scheduled") return "n";
        task.attempts += GIVEN_UP_ATTEMPTS;
        if (reason === "crashes_exhausted") task.crashes += GIVEN_UP_ATTEMPTS;
        this.end(task, "dead");
        this.failuresTotal++;
        task.awaits = null;
        return "g";
      })
      .join("");
  }

  replay(ids: string[]): string {
    return ids
      .map((id) => {
        const task = this.tasks.get(id);
        if (!task || isGone(task)) return "u";
        if (task.state !== "dead") return "n";
        if (this.isHeld(task.unique, id)) return "h";
        const solo = this.needsSolo(task);
        Object.assign(task, { state: "pending", attempts: 0, crashes: 0, releases: 0, solo });
        task.generation++;
        this.parking.wake();
        return "r";
      })
      .join("");
  }

  change(ids: string[], what: ModelChange): string {
    const firstDueMs = this.firstDueMs();
    let wakes = false;
    const owners: string[] = [];
    const letters = ids.map((id) => {
      const task = this.tasks.get(id);
      if (!task || isGone(task)) return "u";
      const before = { ...task };
      if (before.state !== "pending" && before.state !== "scheduled") return LETTERS[before.state] ?? "?";
      const { priority = task.priority, key = task.key, delayMs } = what;
      if (delayMs !== undefined && before.state === "scheduled" && before.awaits !== null) {
        owners.push(before.awaits);
        return "w";
      }
      const dueMs = this.nowMs + (delayMs ?? 0);
      const isTimed = delayMs !== undefined && (delayMs > 0 || before.state === "scheduled");
      const isMoved = key !== before.key || (priority !== before.priority && !this.needsSolo(task));
      const isChanged =
        (isTimed && !(before.state === "scheduled" && delayMs > 0 && before.dueMs === dueMs)) ||
        [key !== before.key, priority !== before.priority, what.payload].some(Boolean);
      if (!isChanged) return before.state === "pending" ? "P" : "S";
      Object.assign(task, { priority, key, touched: true, order: null });
      // A sweep makes a forgotten task due only if nobody has given it another time.
      if (isTimed)
        Object.assign(task, { state: delayMs > 0 ? "scheduled" : "pending", dueMs, isForgotten: false });
      if (task.state === "pending") task.waits = false;
      if (key !== "") this.limits.used = true;
      if (task.state === "scheduled") wakes ||= isTimed && dueMs < firstDueMs;
      else wakes ||= before.state === "scheduled" || isMoved;
      return task.state === "pending" ? "p" : "s";
    });
    if (wakes && !this.paused) this.parking.wake();
    return [letters.join(""), ...owners].join(" ");
  }

  signal(id: string): string {
    const task = this.tasks.get(id);
    if (!task || isGone(task)) return "not_found";
    if (!ON_THEIR_WAY.includes(task.state)) return "ended";
    task.signalled = true;
    if (!task.waits) return "kept";
    Object.assign(task, { state: "pending", waits: false });
    this.parking.wake();
    return "delivered";
  }

  discard(ids: string[], discard: string): string {
    return ids
      .map((id) => {
        const task = this.tasks.get(id);
        if (!task || isGone(task)) return "u";
        if (task.state !== "dead") return "n";
        this.purge(task);
        Object.assign(task, { state: "discarded", diedMs: task.endedMs, endedMs: this.nowMs, discard });
        return "d";
      })
      .join("");
  }

  /** Restores the tasks that this discard removed, and no others. */
  restore(ids: string[], discard: string): string {
    return ids
      .map((id) => {
        const task = this.tasks.get(id);
        if (task?.state !== "discarded" || task.discard !== discard) return "n";
        Object.assign(task, { state: "dead", endedMs: task.diedMs });
        this.purgedTotal--;
        return "r";
      })
      .join("");
  }

  purge(task: ModelTask): void {
    task.state = "purged";
    this.purgedTotal++;
  }

  /**
   * Purges completed tasks of this type that have a count. The newest stay, as many as the count of the last
   * completed task allows.
   */
  #trim({ type, keep }: ModelTask): void {
    if (keep?.count === undefined) return;
    const order = ([id, task]: [string, ModelTask]) => `${String(task.endedMs).padStart(15, "0")} ${id}`;
    const line = this.in("completed")
      .filter(([, task]) => task.type === type && task.keep?.count !== undefined)
      .sort((a, b) => (order(a) < order(b) ? -1 : 1));
    for (const [, task] of line.slice(0, Math.max(0, line.length - keep.count))) this.purge(task);
  }

  /** Returns how long a completed task is kept, ms. */
  #keepsFor({ state, keep }: ModelTask): number {
    return (state === "completed" ? keep?.completedMs : undefined) ?? RETENTION_MS;
  }

  /** Drops the dead letters that are older than the maximum age, or whose own time has ended. @returns how many */
  dropDead(): number {
    const old = this.in("dead").filter(
      ([, { endedMs, keep }]) =>
        endedMs + Math.min(MAX_DEAD_AGE_MS, keep?.deadMs ?? MAX_DEAD_AGE_MS) <= this.nowMs,
    );
    for (const [, task] of old) this.purge(task);
    this.droppedTotal += old.length;
    return old.length;
  }

  purgeEnded(): number {
    const ended = [...this.in("completed"), ...this.in("cancelled"), ...this.in("expired")];
    const old = ended.filter(([, task]) => task.endedMs + this.#keepsFor(task) <= this.nowMs);
    for (const [, task] of old) this.purge(task);
    // A discarded task was counted as purged when it was discarded.
    for (const [, task] of this.in("discarded"))
      if (task.endedMs + LIMITS.undoMs <= this.nowMs) task.state = "purged";
    return old.length;
  }

  task(id: string): ModelTask {
    const task = this.tasks.get(id);
    if (!task) throw new Error(`the model has no task ${id}`);
    return task;
  }
}

export { MAX_RETRIES };

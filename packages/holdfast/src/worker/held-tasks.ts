import type { Grant } from "../engine/engine.ts";
import type { Batches } from "./batches.ts";
import { type LeaseTable, monotonicMs } from "./lease-table.ts";
import type { RunContext } from "./run-context.ts";
import { RunningTask } from "./running-task.ts";
import type { Slots } from "./slots.ts";

// `queueMicrotask` would add three frames of Node to the stack of every error in a handler that begins in it.
const NOW = Promise.resolve();
const CANCEL_REQUESTED = "a cancel was requested";
const CANCEL_AHEAD_MS = 10_000;
const SWEEP_MS = 100;

export interface HeldTasksOptions {
  /** Index of the queue in the lease table. */
  index: number;
  slots: Slots;
  table: LeaseTable;
  leaseMs: number;
}

/** The slots of the worker that one of its queues may use. */
export interface QueueSlots {
  /** Returns how many tasks the queue may begin now. */
  room(): number;
  /** Called when tasks that were handed back have made room. */
  changed(): void;
}

/** The tasks of one queue that a worker holds: they run, wait for a slot, or have ended and are not settled yet. */
export class HeldTasks {
  readonly #o: HeldTasksOptions;
  /** The held tasks, by their index in the lease table. */
  readonly #held = new Map<number, RunningTask>();
  /** The tasks that wait for a slot, in the order in which they were granted. */
  #ahead: RunningTask[] = [];
  #beginning = false;
  readonly #beginSoon: () => void;
  /** `<fence> <id>` of tasks whose cancel was requested before the answer with the task arrived. */
  readonly #cancelsAhead = new Set<string>();
  /** True while the worker makes room for a task that has to run alone: no task begins, and new ones go back. */
  yields = false;
  /** How many handlers of this queue run. */
  running = 0;
  readonly #slotsOf: QueueSlots;
  /** Runs only while tasks are held, because timers are most of the CPU time of an idle worker. */
  #sweepTimer: NodeJS.Timeout | undefined;

  constructor(options: HeldTasksOptions, slotsOf: QueueSlots) {
    this.#o = options;
    this.#slotsOf = slotsOf;
    // Bound once here, so that the stack traces of handlers are one line shorter.
    this.#beginSoon = this.#begin.bind(this);
  }

  get size(): number {
    return this.#held.size;
  }

  get ahead(): number {
    return this.#ahead.length;
  }

  /**
   * Takes granted tasks, in order.
   * @param leasedAtMs monotonic time before the acquire call was sent
   * @param kept how many tasks there is room for; the others are handed back at once
   */
  take(
    grants: readonly Grant[],
    run: RunContext<RunningTask>,
    leasedAtMs: number,
    solo: boolean,
    kept: number,
  ): void {
    const { slots, table, index } = this.#o;
    const now = monotonicMs();
    slots.held += grants.length;
    this.#sweepTimer ??= setInterval(() => this.#look(), SWEEP_MS).unref();
    if (solo) slots.exclusive = true;
    const surplus: RunningTask[] = [];
    for (const grant of grants) {
      const task = new RunningTask(grant, run, leasedAtMs);
      task.solo = solo;
      task.leaseIndex = table.claim(index, task.id, task.fence, leasedAtMs, now);
      task.version = table.versionOf(task.leaseIndex);
      this.#held.set(task.leaseIndex, task);
      if (task.entry?.limit?.enter() === false) surplus.push(task);
      else this.#ahead.push(task);
      if (this.#cancelsAhead.size > 0 && this.#cancelsAhead.delete(`${task.fence} ${task.id}`))
        task.abort("cancelled", CANCEL_REQUESTED);
    }
    const added = grants.length - surplus.length;
    const back = this.#ahead.splice(this.#ahead.length - Math.max(0, added - kept));
    for (const task of [...back, ...surplus]) this.#handBack(task);
    // Handlers begin in a microtask, where fewer calls of this library are below them: an error that a handler throws
    // costs less the shorter its stack is (hot path).
    this.beginSoon();
  }

  /** Begins as many waiting tasks as there are free slots. */
  begin(): void {
    if (!this.#beginning && this.#ahead.length > 0) this.#begin();
  }

  /** Begins waiting tasks at the end of the turn of the event loop, all that became possible in it together. */
  beginSoon(): void {
    if (this.#beginning || this.#ahead.length === 0) return;
    this.#beginning = true;
    void NOW.then(this.#beginSoon);
  }

  #begin(): void {
    const { slots, table, leaseMs } = this.#o;
    // True during the loop, so that a handler that returns at once does not start the loop again.
    this.#beginning = true;
    let at = 0;
    let batches: Set<Batches> | undefined;
    // A handler that returns at once is already counted as ended here, so its slot can be used by the next task.
    const most = this.running + this.#slotsOf.room();
    while (at < this.#ahead.length && this.running < most) {
      const task = this.#ahead[at++] as RunningTask;
      if (task.ended) continue;
      const now = monotonicMs();
      if (!table.begin(task.leaseIndex, task.entry?.index)) this.#drop(task);
      // A task is handed back instead of begun if its lease may be over or the worker makes room.
      else if (this.yields || task.outdated(leaseMs, now)) task.release();
      else {
        slots.running++;
        this.running++;
        task.start(now);
        if (task.entry?.batches) {
          batches ??= new Set();
          batches.add(task.entry.batches);
        }
      }
    }
    this.#ahead.splice(0, at);
    if (batches) for (const begun of batches) begun.close();
    this.#beginning = false;
  }

  stopped(): void {
    this.running--;
    this.#o.slots.running--;
  }

  /** Hands back the tasks that wait for a slot. */
  giveBack(): void {
    for (const task of this.#ahead.splice(0)) this.#handBack(task);
  }

  #handBack(task: RunningTask): void {
    if (this.#o.table.begin(task.leaseIndex)) task.release();
    else this.#drop(task);
  }

  /** Removes a task that was handed back or settled. */
  #drop(task: RunningTask): void {
    if (!task.ended) task.entry?.limit?.leave();
    this.#o.table.release(task.leaseIndex);
    this.#held.delete(task.leaseIndex);
    this.#o.slots.held--;
  }

  /** Called when a task was settled. */
  leave(task: RunningTask): void {
    this.#drop(task);
    if (task.solo) this.#o.slots.exclusive = false;
  }

  #look(): void {
    if (this.#sweep()) this.#slotsOf.changed();
    if (this.#held.size > 0) return;
    clearInterval(this.#sweepTimer);
    this.#sweepTimer = undefined;
  }

  /** Aborts attempts after their time-out, and removes tasks handed back. @returns whether a slot became free */
  #sweep(): boolean {
    const { slots, table } = this.#o;
    slots.look();
    const now = monotonicMs();
    for (const task of this.#held.values()) task.checkDeadline(now);
    const handedBack = this.#ahead.filter((task) => table.wasHandedBack(task.leaseIndex));
    if (handedBack.length === 0) return false;
    for (const task of handedBack) this.#drop(task);
    this.#ahead = this.#ahead.filter((task) => !handedBack.includes(task));
    table.busy = slots.held;
    return true;
  }

  /** Hands back all tasks that have not begun, and aborts the running handlers. */
  releaseAll(): void {
    for (const task of this.#held.values()) task.release();
  }

  /** Called when the worker stops before Redis has answered: the outcome of these tasks is unknown. */
  close(): void {
    clearInterval(this.#sweepTimer);
    for (const task of this.#held.values()) task.span?.settled("unknown");
  }

  /** Called by the heartbeat thread when the lease of a held task was lost, or its cancel was requested. */
  leaseChanged(what: "lost" | "cancelled", leaseIndex: number, version: number): void {
    const task = this.#held.get(leaseIndex);
    if (task?.version !== version) return;
    if (what === "lost") task.abort("lease_lost", "the lease was lost: another worker may run this task");
    else task.abort("cancelled", CANCEL_REQUESTED);
  }

  /** Called when Redis publishes the request to cancel a task. The next heartbeat reports the request too. */
  cancelRequested(id: string, fence: string): void {
    for (const task of this.#held.values()) {
      if (task.id !== id || task.fence !== fence) continue;
      task.abort("cancelled", CANCEL_REQUESTED);
      return;
    }
    // Either the cancel was published before the answer that grants the task arrived, or the task has ended already.
    const key = `${fence} ${id}`;
    this.#cancelsAhead.add(key);
    setTimeout(() => this.#cancelsAhead.delete(key), CANCEL_AHEAD_MS).unref();
  }
}

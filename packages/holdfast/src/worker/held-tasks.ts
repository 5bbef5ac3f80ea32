import type { Grant } from "../engine/engine.ts";
import { soon } from "../soon.ts";
import type { Batches } from "./batches.ts";
import { type LeaseTable, monotonicMs } from "./lease-table.ts";
import type { RunContext } from "./run-context.ts";
import { RunningTask } from "./running-task.ts";
import type { Slots } from "./slots.ts";

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

/** The slots of the worker, as one of its queues sees them. */
export interface QueueSlots {
  /** Returns how many tasks the queue may begin now. */
  room(): number;
  /** Called when tasks that were handed back have made room, even while no handler ends. */
  changed(): void;
}

/**
 * The tasks of one queue that a worker holds. Each of them runs, waits for a slot, or has a verdict on its way to
 * Redis.
 */
export class HeldTasks {
  readonly #o: HeldTasksOptions;
  /** The held tasks, by their index in the lease table. */
  readonly #held = new Map<number, RunningTask>();
  /** The tasks that have not begun, in the order of their grants. */
  #ahead: RunningTask[] = [];
  #beginning = false;
  readonly #beginSoon: () => void;
  /** Fence and id of tasks whose cancel was requested before their grant arrived. */
  readonly #cancelsAhead = new Set<string>();
  /** While this is true, the worker makes room: no task begins, and tasks that arrive are handed back. */
  yields = false;
  /** The tasks of this queue whose handlers run. */
  running = 0;
  readonly #slotsOf: QueueSlots;
  /** Runs only while tasks are held, because timers are most of what an idle worker costs. */
  #sweepTimer: NodeJS.Timeout | undefined;

  constructor(options: HeldTasksOptions, slotsOf: QueueSlots) {
    this.#o = options;
    this.#slotsOf = slotsOf;
    // Bound here, so that the stack of a handler's error has one frame less.
    this.#beginSoon = this.#begin.bind(this);
  }

  get size(): number {
    return this.#held.size;
  }

  /** The number of tasks that have not begun. */
  get ahead(): number {
    return this.#ahead.length;
  }

  /**
   * Takes the granted tasks, in order.
   * @param leasedAtMs monotonic time from before the acquire was sent
   * @param kept how many tasks there is room for; the other tasks are handed back at once
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
    this.#begin();
  }

  /** Begins as many waiting tasks as there are free slots. */
  begin(): void {
    if (!this.#beginning && this.#ahead.length > 0) this.#begin();
  }

  /** Begins waiting tasks after the current code. Handlers that end together cause only one call. */
  beginSoon(): void {
    if (this.#beginning || this.#ahead.length === 0) return;
    this.#beginning = true;
    soon(this.#beginSoon);
  }

  #begin(): void {
    const { slots, table, leaseMs } = this.#o;
    // A handler that returns at once does not start this loop again: the loop continues with the next task.
    this.#beginning = true;
    let at = 0;
    let batches: Set<Batches> | undefined;
    // A handler that returns at once has stopped when `start` returns, so its room is free again.
    const most = this.running + this.#slotsOf.room();
    while (at < this.#ahead.length && this.running < most) {
      const task = this.#ahead[at++] as RunningTask;
      if (task.ended) continue;
      const now = monotonicMs();
      if (!table.begin(task.leaseIndex, task.entry?.index)) this.#drop(task);
      // A task is not begun if its lease may be over or the worker stops.
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

  /** Called when the handler of a task has ended. */
  stopped(): void {
    this.running--;
    this.#o.slots.running--;
  }

  /** Hands back the tasks that have not begun. */
  giveBack(): void {
    for (const task of this.#ahead.splice(0)) this.#handBack(task);
  }

  #handBack(task: RunningTask): void {
    if (this.#o.table.begin(task.leaseIndex)) task.release();
    else this.#drop(task);
  }

  /** Removes a task that the heartbeat thread handed back, or that has ended. */
  #drop(task: RunningTask): void {
    if (!task.ended) task.entry?.limit?.leave();
    this.#o.table.release(task.leaseIndex);
    this.#held.delete(task.leaseIndex);
    this.#o.slots.held--;
  }

  /** Called when a task was settled, so that its slot is free. */
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

  /** Ends attempts whose time is over, and removes tasks that were handed back. @returns whether that made room */
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

  /** Hands all tasks back, and asks the running handlers to stop. */
  releaseAll(): void {
    for (const task of this.#held.values()) task.release();
  }

  /** Called if Redis did not answer in time, so that the outcome of these tasks is unknown. */
  close(): void {
    clearInterval(this.#sweepTimer);
    for (const task of this.#held.values()) task.span?.settled("unknown");
  }

  /** Called when the lease of a held task was lost, or its cancel was requested. */
  leaseChanged(what: "lost" | "cancelled", leaseIndex: number, version: number): void {
    const task = this.#held.get(leaseIndex);
    if (task?.version !== version) return;
    if (what === "lost") task.abort("lease_lost", "the lease was lost: another worker may run this task");
    else task.abort("cancelled", CANCEL_REQUESTED);
  }

  /** Called when Redis announces a cancel. The next heartbeat reports the cancel too. */
  cancelRequested(id: string, fence: string): void {
    for (const task of this.#held.values()) {
      if (task.id !== id || task.fence !== fence) continue;
      task.abort("cancelled", CANCEL_REQUESTED);
      return;
    }
    // The task is not held. Either the request arrived before the answer that grants the task, or the task has already
    // ended.
    const key = `${fence} ${id}`;
    this.#cancelsAhead.add(key);
    setTimeout(() => this.#cancelsAhead.delete(key), CANCEL_AHEAD_MS).unref();
  }
}

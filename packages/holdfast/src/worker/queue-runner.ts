import { asHoldfastError, type Backoff, type HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Engine, Turn, Verdict } from "../engine/engine.ts";
import type { Handler } from "./handler.ts";
import { type LeaseTable, monotonicMs } from "./lease-table.ts";
import { type RunContext, RunningTask } from "./running-task.ts";
import type { Slots } from "./slots.ts";

export interface RunnerOptions {
  engine: Engine;
  /** Index of the queue in the lease table. */
  index: number;
  weight: number;
  slots: Slots;
  table: LeaseTable;
  handlers: ReadonlyMap<string, Handler>;
  leaseMs: number;
  maxRetries: number;
  backoff: Backoff;
  pollMs: number;
  noHandlerAfterMs: number;
  workerId: string;
}

export interface RunnerEvents {
  /** How many of `free` slots this queue may fill while it keeps `taken`. */
  share(runner: QueueRunner, taken: number, free: number): number;
  onSettled(task: RunningTask, outcome: Turn["outcomes"][number], verdict: Verdict, error: unknown): void;
  onExpired(queue: string, id: string, envelope: string): void;
  onTurn(): void;
  /** Slots became free, or a state changed that others wait for. */
  onChange(): void;
  onError(error: HoldfastError): void;
}

const CALLS_IN_FLIGHT = 2;
const CALL_TASKS = 250;
const RETRY_FROM_MS = 50;
const RETRY_TO_MS = 1_000;

/**
 * One queue of a worker: keeps its share of the slots full, settles in batches with the next acquire. It sleeps while
 * the queue has nothing to give, until it is woken or polls.
 */
export class QueueRunner {
  readonly engine: Engine;
  readonly weight: number;
  readonly running = new Map<number, RunningTask>();
  /** The last acquire got less than it asked for. */
  idle = false;
  /** Where its turn at the slots ends: see `shareOf`. */
  turnEnd = 0;
  readonly #o: RunnerOptions;
  readonly #events: RunnerEvents;
  readonly #context: RunContext;
  #verdicts: { task: RunningTask; verdict: Verdict; error: unknown }[] = [];
  #inFlight = 0;
  #reserved = 0;
  // One that comes while an acquire is under way must not be slept through: it may be about what came after it.
  #wakes = 0;
  #scheduled = false;
  #stopping = false;
  #closed = false;
  #pollTimer: NodeJS.Timeout | undefined;

  constructor(options: RunnerOptions, events: RunnerEvents) {
    this.#o = options;
    this.#events = events;
    this.engine = options.engine;
    this.weight = options.weight;
    this.#context = {
      engine: options.engine,
      handlers: options.handlers,
      backoff: options.backoff,
      done: (task, verdict, error) => {
        this.#verdicts.push({ task, verdict, error });
        this.schedule();
      },
      onError: (error) => events.onError(error),
    };
  }

  /** Nothing runs and nothing waits for an answer. */
  get quiet(): boolean {
    return this.running.size === 0 && this.#inFlight === 0 && this.#verdicts.length === 0;
  }

  /** Slots that it holds or has asked for. */
  get taken(): number {
    return this.running.size + this.#reserved;
  }

  /** Looks for something to do at the end of this event-loop turn, so that what settles together travels together. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** New tasks may be there. */
  wake(): void {
    this.#wakes++;
    if (!this.idle) return;
    this.idle = false;
    this.schedule();
  }

  stopAcquiring(): void {
    this.#stopping = true;
    clearTimeout(this.#pollTimer);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pollTimer);
  }

  #pump(): void {
    while (this.#inFlight < CALLS_IN_FLIGHT && !this.#closed) {
      const verdicts = this.#verdicts.splice(0, CALL_TASKS);
      const want = this.#wanted(verdicts.length);
      if (verdicts.length === 0 && want === 0) return;
      void this.#turn(verdicts, want);
    }
  }

  /** @param settled tasks that this call settles: their slots can be filled by it */
  #wanted(settled: number): number {
    const { slots, table } = this.#o;
    if (this.#stopping || this.idle || slots.exclusive) return 0;
    const othersHeld = slots.held - settled + slots.reserved;
    if (slots.drainFor) return slots.drainFor === this && othersHeld === 0 ? 1 : 0;
    const free = slots.total - slots.held - slots.reserved + settled;
    if (free <= 0) return 0;
    return Math.min(this.#events.share(this, this.taken - settled, free), CALL_TASKS, table.free);
  }

  async #turn(
    settled: { task: RunningTask; verdict: Verdict; error: unknown }[],
    want: number,
  ): Promise<void> {
    const { slots } = this.#o;
    this.#inFlight++;
    slots.reserved += want;
    this.#reserved += want;
    const wakes = this.#wakes;
    const held = slots.held - settled.length + slots.reserved - want;
    // A solo task may come back: until the answer is here, nobody else acquires.
    const exclusive = want > 0 && held === 0;
    if (exclusive) slots.exclusive = true;
    const sentAtMs = monotonicMs();
    const turn = await this.#send(
      settled.map(({ verdict }) => verdict),
      {
        want,
        held,
        leaseMs: this.#o.leaseMs,
        maxRetries: this.#o.maxRetries,
        workerId: this.#o.workerId,
        nonce: nanoid(8),
        park: want > 0,
        noHandlerAfterMs: this.#o.noHandlerAfterMs,
      },
    );
    this.#inFlight--;
    slots.reserved -= want;
    this.#reserved -= want;
    for (const { task } of settled) {
      this.#o.table.release(task.slot);
      this.running.delete(task.slot);
      slots.held--;
      if (task.solo) slots.exclusive = false;
    }
    if (exclusive) slots.exclusive = false;
    if (turn) {
      this.#events.onTurn();
      settled.forEach(({ task, verdict, error }, i) => {
        const outcome = turn.outcomes[i] ?? "unknown";
        if (outcome === "retried") this.#wakeForRetry(verdict);
        this.#events.onSettled(task, outcome, verdict, error);
      });
      for (const { id, envelope } of turn.expired) this.#events.onExpired(this.engine.queue, id, envelope);
      this.#afterTurn(turn, want, sentAtMs, wakes !== this.#wakes);
    }
    this.#o.table.busy = slots.held;
    this.#events.onChange();
    this.schedule();
  }

  #afterTurn(turn: Turn, want: number, sentAtMs: number, woken: boolean): void {
    const { slots } = this.#o;
    if (want > 0 || slots.drainFor === this) {
      if (turn.drain) {
        slots.drainFor = this;
        // An answer before this one may have sent it to sleep: nobody acquires until it asks again.
        this.idle = false;
      } else if (slots.drainFor === this) slots.drainFor = null;
      if (want > 0 && turn.grants.length < want && !turn.again && !turn.drain && !turn.solo && !woken)
        this.#sleep();
    }
    if (turn.grants.length > 0) {
      slots.virtualTime = Math.max(slots.virtualTime, this.turnEnd);
      this.turnEnd = slots.virtualTime + turn.grants.length / this.weight;
    }
    const tasks = turn.grants.map((grant) => new RunningTask(grant, this.#context, sentAtMs));
    slots.held += tasks.length;
    if (turn.solo) slots.exclusive = true;
    for (const task of tasks) {
      task.solo = turn.solo;
      task.slot = this.#o.table.claim(this.#o.index, task.id, task.token, sentAtMs);
      task.version = this.#o.table.versionOf(task.slot);
      this.running.set(task.slot, task);
    }
    const lateByMs = monotonicMs() - sentAtMs;
    for (const task of tasks) {
      // Its lease may be over already, or the worker stops: it is not begun.
      if (this.#stopping || lateByMs > this.#o.leaseMs) task.release();
      else task.start();
    }
  }

  /** A retry that is due before the next poll is not left to it: the janitor may sleep as long. */
  #wakeForRetry(verdict: Verdict): void {
    const delayMs = "delayMs" in verdict ? verdict.delayMs : 0;
    if (delayMs < this.#o.pollMs) setTimeout(() => this.wake(), delayMs + 1).unref();
  }

  #sleep(): void {
    this.idle = true;
    clearTimeout(this.#pollTimer);
    if (this.#stopping) return;
    this.#pollTimer = setTimeout(() => this.wake(), this.#o.pollMs);
  }

  /** Repeats the very same call until Redis answers it: with its request id it is done once. */
  async #send(verdicts: Verdict[], args: Parameters<Engine["acquire"]>[0]): Promise<Turn | null> {
    const request = this.engine.takeRequest();
    let waitMs = RETRY_FROM_MS;
    try {
      for (;;) {
        try {
          return verdicts.length === 0
            ? await this.engine.acquire(args, request)
            : await this.engine.settle(verdicts, args, request);
        } catch (error) {
          this.#events.onError(asHoldfastError(error));
          if (this.#closed || (this.#stopping && verdicts.length === 0)) return null;
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          waitMs = Math.min(RETRY_TO_MS, waitMs * 2);
        }
      }
    } finally {
      this.engine.giveRequest(request);
    }
  }
}

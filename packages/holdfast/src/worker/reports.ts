import type { EventEmitter } from "node:events";
import { asHoldfastError, type HoldfastError } from "@holdfast/contracts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import { decodeEnvelopeForDisplay } from "../engine/envelope.ts";
import type { Connection } from "../redis/connection.ts";
import { tellEnd } from "../steps/called-task.ts";
import { UnderWay } from "../under-way.ts";
import type { RunningTask } from "./running-task.ts";
import { StaleReports } from "./stale-reports.ts";
import { settledEvent, type WorkerEvents } from "./worker-events.ts";

/** Emits the events of a worker about its tasks, and stores its verdicts that came too late (stale). */
export class Reports {
  /** When Redis last answered, ms of the monotonic clock. The runners and the worker set it. */
  lastTurnMs = Number.NEGATIVE_INFINITY;
  readonly #workerId: string;
  readonly #events: EventEmitter<WorkerEvents>;
  readonly #clock: Pick<Connection, "now">;
  readonly #stale = new StaleReports();
  readonly #telling = new UnderWay();

  constructor(workerId: string, events: EventEmitter<WorkerEvents>, clock: Pick<Connection, "now">) {
    this.#workerId = workerId;
    this.#events = events;
    this.#clock = clock;
  }

  settled(task: RunningTask, outcome: VerdictOutcome, verdict: Verdict, error: unknown): void {
    task.span?.settled(outcome);
    if (outcome === "stale") this.#recordStale(task);
    if (task.caller !== null) this.#tell(task, task.caller, outcome, verdict);
    if (this.#events.listenerCount("settled") === 0) return;
    // The answer of Redis has just arrived, so the current time of Redis is the time of the answer.
    const clocks = { turnMs: this.lastTurnMs, turnAt: this.#clock.now() };
    this.#events.emit("settled", settledEvent(task, outcome, verdict, error, clocks));
  }

  /** Tells the caller, a task that waits in `ctx.call`, that this task has ended. */
  #tell({ engine, id }: RunningTask, caller: string, outcome: VerdictOutcome, verdict: Verdict): void {
    const told = tellEnd(engine, { id, caller }, outcome, verdict);
    this.#telling.add(told).catch((error) => this.failed(asHoldfastError(error)));
  }

  #recordStale({ id, token, attempt, type, queue, engine }: RunningTask): void {
    this.#stale.add(
      engine,
      { id, queue, token, attempt, type, workerId: this.#workerId },
      (verdict) => this.#events.emit("stale", verdict),
      (error) => this.failed(asHoldfastError(error)),
    );
  }

  expired(queue: string, id: string, envelope: string): void {
    const { type, enqueuedAt } = decodeEnvelopeForDisplay(envelope);
    const waitMs = Math.max(0, this.#clock.now() - enqueuedAt);
    const task = { id, type, queue, enqueuedAt };
    this.#events.emit("settled", { task, outcome: "expired", attempt: 0, waitMs, runMs: 0 });
  }

  failed(error: HoldfastError): void {
    this.#events.emit("error", error);
  }

  /** Resolves when every stale verdict and every message to a calling task has been written, or has failed. */
  async drain(): Promise<void> {
    await this.#telling.ended();
    await this.#stale.drain();
  }
}

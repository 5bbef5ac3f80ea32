import { setTimeout as delay } from "node:timers/promises";
import { asHoldfastError, HoldfastError, LIMITS, type TaskView } from "@holdfast/contracts";
import type { OperationView } from "@holdfast/contracts/api";
import {
  type ClaimedOperation,
  keptText,
  MAX_FAILURES,
  type OperationControl,
  type OperationPhase,
  type OperationStore,
} from "../engine/operation-store.ts";
import { lookAtCanary } from "./canary.ts";
import type { Batch, Moved, Place, Work } from "./work.ts";

/** How far an operation is. It is stored in Redis, so that another process can continue the operation. */
interface Progress {
  sequence: number;
  place: Place | null;
  /**
   * The batch that is being moved; null if none is. A process that continues the operation repeats this batch with the
   * same sequence.
   */
  batch: Batch | null;
  counted: boolean;
  /** Until when the tasks of the canary have to complete; null until all of them have been replayed. */
  lookUntil: number | null;
}

export interface RunOptions {
  store: OperationStore;
  owner: string;
  leaseMs: number;
  work: Work;
  /** Removes from a task what the operation may not show. @default shows all of it */
  shown?: ((task: TaskView) => TaskView) | undefined;
  /** Aborting this signal stops the operation here after its present batch, so that another process can continue it. */
  signal: AbortSignal;
  onMoved?: ((operation: ClaimedOperation, moved: Moved) => void) | undefined;
  /** Called with the error that makes the operation fail. */
  onFailed?: ((error: HoldfastError) => void) | undefined;
}

// A call for 200 tasks blocks Redis for a few milliseconds at most.
const CALL_TASKS = 200;
const LOOK_MS = 250;
const RETRY_MS = 500;
/** After these errors Redis may or may not have run the call. It is safe to repeat the same call. */
const TRANSIENT: readonly string[] = [
  "redis_unavailable",
  "redis_refused",
  "outcome_unknown",
  "redis_read_only",
];

/** Thrown to leave the operation, because another process runs it now, or because this process has to stop. */
class Left extends Error {}

/** Runs one operation in this process, from where it is now until it ends. */
export class OperationRun {
  readonly #operation: ClaimedOperation;
  readonly #options: RunOptions;
  readonly #view: OperationView;
  #progress: Progress;
  #control: OperationControl;
  #failuresKept: number;
  /** Failures that are not stored yet. */
  #unwritten: Record<string, string> = {};
  #wroteAtMs = performance.now();
  #pace = { begunMs: performance.now(), done: 0 };
  #nowMs = 0;

  constructor(operation: ClaimedOperation, options: RunOptions) {
    this.#operation = operation;
    this.#options = options;
    this.#view = { ...operation.view, state: "running" };
    this.#control = operation.control;
    this.#failuresKept = operation.failuresKept;
    this.#progress =
      operation.batch === ""
        ? { sequence: 0, place: options.work.first, batch: null, counted: false, lookUntil: null }
        : (JSON.parse(operation.batch) as Progress);
  }

  /**
   * @returns the operation if it has ended; null if it was paused or stopped here, or if another process runs it now
   */
  async run(): Promise<OperationView | null> {
    try {
      return await this.#toTheEnd();
    } catch (error) {
      if (error instanceof Left) return null;
      const failure = asHoldfastError(error);
      if (failure.code === "closed") return null;
      this.#options.onFailed?.(failure);
      this.#view.error = failure.message;
      return this.#end("failed").catch(() => null);
    }
  }

  async #toTheEnd(): Promise<OperationView | null> {
    // The first write also returns what operators have asked for. The loop waits until the millisecond in which the
    // operation began is over, so that tasks that die later have a later time.
    do await this.#write("run");
    while (this.#nowMs <= this.#operation.startedAt && (await delay(1, true)));
    // If the process that ran the operation before died during a batch, the batch is repeated.
    if (this.#progress.batch) await this.#moveBatch();
    if (!(await this.#mayGoOn())) return this.#stopped();
    await this.#count();
    const canary = this.#view.canary;
    if (canary && canary.state !== "passed") {
      if (!(await this.#runCanary(canary))) return this.#stopped();
      if (this.#view.canary?.state === "stopped") return this.#end("failed");
    }
    while (this.#progress.place !== null) {
      if (!(await this.#mayGoOn())) return this.#stopped();
      await this.#step(this.#batchSize());
      await this.#keepPace();
    }
    // What operators asked for during the last batch has no effect any more.
    return this.#end("succeeded");
  }

  /** Moves one batch. The batch is stored first, so that another process can repeat it. */
  async #step(size: number): Promise<void> {
    const { place } = this.#progress;
    if (place === null) return;
    const { batch, next } = await this.#retried(() => this.#options.work.next(place, size));
    this.#progress.place = next;
    if (batch === null) {
      await this.#writeSometimes();
      return;
    }
    this.#progress.batch = batch;
    this.#progress.sequence++;
    await this.#write("run");
    await this.#moveBatch();
  }

  async #moveBatch(): Promise<void> {
    const { batch, sequence } = this.#progress;
    if (!batch) return;
    const request = { requestSlot: `#q:${this.#operation.id}:0`, sequence };
    const moved = await this.#retried(() => this.#options.work.move(batch, request));
    this.#progress.batch = null;
    const view = this.#view;
    view.done += moved.done;
    view.total = Math.max(view.total, view.done);
    for (const [name, count] of Object.entries(moved.counts))
      view.result[name] = (view.result[name] ?? 0) + count;
    for (const failure of moved.failures) this.#addFailure(failure);
    if (view.canary && this.#progress.lookUntil === null) view.canary.taskIds.push(...moved.taskIds);
    this.#pace.done += moved.done;
    this.#options.onMoved?.(this.#operation, moved);
    if (moved.stop) throw moved.stop;
  }

  #addFailure(failure: { id: string; code: string; detail: string }): void {
    this.#view.failures++;
    if (this.#failuresKept >= MAX_FAILURES) return;
    this.#unwritten[`failure:${this.#failuresKept++}`] = JSON.stringify({ ...failure, at: this.#nowMs });
    this.#unwritten.failures = String(this.#failuresKept);
  }

  async #count(): Promise<void> {
    if (this.#progress.counted) return;
    const abort = new AbortController();
    const total = await this.#retried(async () =>
      this.#options.work.count?.(abort.signal, async (count) => {
        this.#view.total = Math.max(this.#view.done, count);
        await this.#writeSometimes();
        if (this.#control === "cancel" || this.#options.signal.aborted) abort.abort();
      }),
    );
    if (total !== undefined) this.#view.total = Math.max(total, this.#view.done);
    this.#progress.counted = !abort.signal.aborted;
  }

  /** Replays the canary and waits for it. @returns false if this process has to stop before the canary has ended */
  async #runCanary(canary: NonNullable<OperationView["canary"]>): Promise<boolean> {
    while (
      canary.taskIds.length < canary.size &&
      this.#progress.place !== null &&
      this.#progress.lookUntil === null
    ) {
      if (!(await this.#mayGoOn())) return false;
      canary.state = "running";
      await this.#step(canary.size - canary.taskIds.length);
    }
    this.#progress.lookUntil ??= this.#nowMs + canary.waitMs;
    await this.#write("run");
    const until = this.#progress.lookUntil;
    const { work, shown } = this.#options;
    const { targetOf } = work;
    const targets = canary.taskIds.flatMap((id) => (targetOf ? [{ id, engine: targetOf(id) }] : []));
    const seen = new Set<string>();
    for (;;) {
      const verdict = await this.#retried(() =>
        lookAtCanary(canary, targets, seen, this.#nowMs >= until, shown),
      );
      if (verdict) {
        canary.state = verdict.passed ? "passed" : "stopped";
        canary.detail = verdict.detail;
        for (const { id, detail } of verdict.failed) this.#addFailure({ id, code: "canary_failed", detail });
        if (!verdict.passed) this.#view.error = `the canary did not pass: ${verdict.detail}`;
        await this.#write("run");
        return true;
      }
      await this.#pauseFor(LOOK_MS);
      await this.#write("run");
      if (!(await this.#mayGoOn())) return false;
    }
  }

  #batchSize(): number {
    const { ratePerSecond } = this.#view;
    // With a rate, about four calls per second are made. Fewer calls would move the tasks in bursts, and more would
    // cost Redis more time.
    return ratePerSecond === null
      ? CALL_TASKS
      : Math.max(1, Math.min(CALL_TASKS, Math.floor(ratePerSecond / 4)));
  }

  async #keepPace(): Promise<void> {
    const { ratePerSecond } = this.#view;
    if (ratePerSecond === null || this.#progress.place === null) return;
    const dueMs = this.#pace.begunMs + (this.#pace.done / ratePerSecond) * 1_000;
    while (performance.now() < dueMs && !this.#options.signal.aborted) {
      await this.#pauseFor(Math.min(LOOK_MS, dueMs - performance.now()));
      await this.#write("run");
      if (this.#control === "pause" || this.#control === "cancel") return;
    }
  }

  /** Sleeps, but not longer than until this process has to stop. */
  async #pauseFor(ms: number): Promise<void> {
    await delay(Math.max(1, ms), undefined, { signal: this.#options.signal }).catch(() => undefined);
  }

  async #mayGoOn(): Promise<boolean> {
    if (this.#options.signal.aborted) {
      await this.#write("release");
      throw new Left("handed over");
    }
    return this.#control !== "pause" && this.#control !== "cancel";
  }

  /** Ends or pauses the operation, as an operator has asked. */
  async #stopped(): Promise<OperationView | null> {
    if (this.#control === "cancel") return this.#end("cancelled");
    this.#view.state = "paused";
    await this.#write("pause");
    // If the operation was resumed or cancelled meanwhile, this process continues with it.
    if (this.#control === "pause") return null;
    this.#view.state = "running";
    this.#pace = { begunMs: performance.now(), done: 0 };
    return this.#toTheEnd();
  }

  async #end(state: "succeeded" | "failed" | "cancelled"): Promise<OperationView> {
    const view = this.#view;
    view.state = state;
    view.endedAt = this.#nowMs || Date.now();
    if (view.kind === "discard") view.undoUntil = view.endedAt + LIMITS.undoMs;
    await this.#write("end");
    return { ...view };
  }

  /**
   * Writes from time to time while a search finds no tasks, so that the lease and the position are stored without a
   * write for each page.
   */
  async #writeSometimes(): Promise<void> {
    if (performance.now() - this.#wroteAtMs > LOOK_MS) await this.#write("run");
  }

  /** Stores how far the operation is, and renews the lease. @throws Left if another process runs the operation now */
  async #write(phase: OperationPhase): Promise<void> {
    const { store, owner, leaseMs } = this.#options;
    const fields: Record<string, string> = {
      view: keptText(this.#view),
      ...(phase === "end" ? {} : { batch: JSON.stringify(this.#progress) }),
      ...this.#unwritten,
    };
    const reply = await this.#retried(() => store.write(this.#operation.id, owner, leaseMs, phase, fields));
    if (reply === null) throw new Left("another process continues the operation");
    this.#unwritten = {};
    this.#wroteAtMs = performance.now();
    this.#control = reply.control;
    this.#nowMs = reply.now;
  }

  /** Repeats a step while Redis is unavailable. The step has to be repeatable. */
  async #retried<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof HoldfastError) || !TRANSIENT.includes(error.code)) throw error;
        if (this.#options.signal.aborted) throw new Left("Redis is not available");
        await this.#pauseFor(RETRY_MS);
      }
    }
  }
}

import type { HoldfastError, TaskSchedule } from "@holdfast/contracts";
import type { Engine, Grant, Verdict } from "../engine/engine.ts";
import { decodeEnvelope, type Envelope, UNREADABLE_TYPE } from "../engine/envelope.ts";
import { ATTEMPT_TIMEOUT_MS, ENVELOPE_NODE } from "../engine/format.ts";
import type { Past } from "../engine/round-trip.ts";
import { eventsText } from "../engine/steps.ts";
import { flowOfTask, type TaskFlowContext } from "../flows/node-flow.ts";
import type { StepsOwner, Suspension } from "../steps/step-store.ts";
import type { AttemptSpan } from "../tracing/tracing.ts";
import { AttemptAborted } from "./attempt-aborted.ts";
import { beginSpan } from "./attempt-span.ts";
import { errorVerdict, resultVerdict, timeoutError, unreadableVerdict } from "./attempt-verdicts.ts";
import { type BatchedTask, LATER } from "./batches.ts";
import { type ContextCalls, RedisCalls } from "./context-calls.ts";
import type { HandlerContext, HandlerTask } from "./handler.ts";
import { type Attempt, handlerContext, handlerTask } from "./handler-arguments.ts";
import type { HandlerEntry } from "./handler-entry.ts";
import type { RunContext } from "./run-context.ts";
import { isThenable, whenSettled } from "./thenable.ts";

/** The handler of a manual worker throws this to hand its task back. */
export const HAND_BACK: unique symbol = Symbol("hand back");

const OWN_TIMER_MS = 10_000;
const NODE = ENVELOPE_NODE.charCodeAt(0);

/** One attempt in this process, from its grant until its verdict (how it ended) is passed on. */
export class RunningTask implements Attempt, BatchedTask, StepsOwner {
  readonly id: string;
  readonly token: string;
  /** The part of the token that Redis compares. */
  readonly fence: string;
  readonly queue: string;
  readonly type: string;
  /** The handler and its options; undefined if the worker has no handler for the type. */
  readonly entry: HandlerEntry | undefined;
  readonly payloadText: string;
  readonly attempt: number;
  readonly enqueuedAt: number;
  readonly tags: readonly string[];
  readonly isNode: boolean;
  /** A monotonic time before the lease began, ms. */
  readonly leasedAtMs: number;
  /** When the handler was called, monotonic ms; before that, `leasedAtMs`. */
  startedAtMs: number;
  /** True as soon as the attempt has begun, also if it ends without a call of the handler. */
  begun = false;
  /** Whether the outcome of the attempt is decided. Later outcomes are ignored. */
  ended = false;
  leaseIndex = -1;
  version = 0;
  /** Whether the worker may run no other task beside this one. */
  solo = false;
  /** The trace span from the call of the handler to the answer of Redis, if the worker traces. */
  span: AttemptSpan | undefined;
  /** Null if the stored task cannot be decoded. */
  readonly envelope: Envelope | null;
  readonly #run: RunContext<RunningTask>;
  readonly #decodeError: unknown;
  readonly #past: Past;
  #payload: unknown;
  #parsed = false;
  #controller: AbortController | undefined;
  #aborted: AttemptAborted | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #calls: ContextCalls | undefined;

  /** @param leasedAtMs monotonic time before the acquire was sent, so the lease began at this time or later */
  constructor(grant: Grant, run: RunContext<RunningTask>, leasedAtMs: number) {
    this.#run = run;
    this.id = grant.id;
    this.token = grant.token;
    this.fence = grant.fence;
    this.queue = run.queue;
    this.leasedAtMs = leasedAtMs;
    this.startedAtMs = leasedAtMs;
    let envelope: Envelope | null = null;
    try {
      envelope = decodeEnvelope(grant.envelope);
    } catch (error) {
      this.#decodeError = error;
    }
    this.envelope = envelope;
    this.isNode = grant.envelope.charCodeAt(0) === NODE;
    this.type = envelope?.type ?? UNREADABLE_TYPE;
    this.entry = run.handlers.find(this.type);
    this.payloadText = envelope?.payloadText ?? grant.envelope;
    this.enqueuedAt = envelope?.enqueuedAt ?? 0;
    this.tags = envelope?.tags ?? [];
    this.attempt = grant.past.attempt;
    this.#past = grant.past;
  }

  get engine(): Engine {
    return this.#run.engine;
  }

  /** Whether this is the first attempt, whose start ends the wait of the task. */
  get fresh(): boolean {
    return this.#past.fresh;
  }

  /** When the task could begin: when it was enqueued, or the time to which it was delayed, by the clock of Redis. */
  get dueAt(): number {
    return this.envelope?.runAt ?? this.enqueuedAt + (this.envelope?.delayMs ?? 0);
  }

  get traceparent(): string | null {
    return this.span?.context?.traceparent ?? this.envelope?.traceparent ?? null;
  }

  get key(): string | null {
    return this.envelope?.key ?? null;
  }

  get workerVersion(): string {
    return this.#run.version;
  }

  get caller(): string | null {
    return this.envelope?.caller ?? null;
  }

  get stopped(): AttemptAborted | undefined {
    return this.#aborted;
  }

  asTask(): HandlerTask {
    return handlerTask(this, this);
  }

  asContext(): HandlerContext {
    return handlerContext(this, this);
  }

  get timeoutMs(): number {
    return this.envelope?.timeoutMs ?? this.entry?.timeoutMs ?? ATTEMPT_TIMEOUT_MS;
  }

  onError(error: HoldfastError): void {
    this.#run.onError(error);
  }

  /** Returns whether the lease may be over, or the attempt was aborted before it began. */
  outdated(leaseMs: number, nowMs: number): boolean {
    return this.#aborted !== undefined || nowMs - this.leasedAtMs > leaseMs;
  }

  /** @param nowMs monotonic time */
  start(nowMs: number): void {
    this.begun = true;
    this.startedAtMs = nowMs;
    if (!this.envelope) {
      this.#end(unreadableVerdict(this, this.#decodeError), this.#decodeError);
      return;
    }
    const { entry } = this;
    if (!entry) {
      this.#end({ kind: "unrouted", id: this.id, fence: this.fence });
      return;
    }
    // The lease in Redis ends a little later than this (lua/lib/lease.lua), so that the time-out is settled as a
    // failure before a janitor takes the task back as crashed.
    this.#deadlineMs = Math.min(this.leasedAtMs + this.timeoutMs, this.#expiryMs(nowMs, entry));
    // HeldTasks checks long time-outs every 100 ms: a timer for each task would cost too much (hot path).
    const leftMs = Math.ceil(this.#deadlineMs - nowMs);
    if (leftMs < OWN_TIMER_MS) this.#timer = setTimeout(() => this.#timeOut(), leftMs);
    this.span = this.#run.tracing && beginSpan(this.#run.tracing, this, this.#run.workerId, this.#past);
    let returned: unknown;
    try {
      const { middleware } = this.#run;
      const { batches } = entry;
      if (batches) {
        returned = this.span
          ? this.span.run(() => batches.join(this, middleware))
          : batches.join(this, middleware);
        if (returned === LATER) return;
      } else {
        const task = this.asTask();
        const context = this.asContext();
        const handler = middleware.around?.(entry.handler) ?? entry.handler;
        returned = this.span ? this.span.run(() => handler(task, context)) : handler(task, context);
      }
      if (isThenable(returned)) {
        whenSettled(
          returned,
          (value) => this.succeed(value),
          (error) => this.fail(error),
        );
        return;
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    this.succeed(returned);
  }

  /** Returns when the task expires, monotonic ms; Infinity if a running attempt may continue after that. */
  #expiryMs(nowMs: number, entry: HandlerEntry): number {
    const expiresAt = entry.abortAtExpiry ? this.envelope?.expiresAt : null;
    return expiresAt == null ? Number.POSITIVE_INFINITY : nowMs + expiresAt - this.engine.connection.now();
  }

  get payload(): unknown {
    if (!this.#parsed) {
      this.#payload = JSON.parse(this.payloadText);
      this.#parsed = true;
    }
    return this.#payload;
  }

  /** The signal is created when it is first read, because most handlers do not use it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get schedule(): TaskSchedule | null {
    return this.envelope?.schedule ?? null;
  }

  get flow(): TaskFlowContext | null {
    return this.isNode ? flowOfTask(this) : null;
  }

  /** Made when the handler makes its first call, because most handlers make none. */
  get calls(): ContextCalls {
    this.#calls ??= new RedisCalls(this);
    return this.#calls;
  }

  get suspends(): boolean {
    return !this.entry?.batches;
  }

  suspend({ until, events }: Suspension): void {
    const delayMs = Math.max(0, until - this.engine.connection.now());
    this.#end({ kind: "suspend", id: this.id, fence: this.fence, delayMs, events: eventsText(events) });
  }

  /** Aborts the signal of the handler. If the handler then returns or throws, the outcome counts as usual. */
  abort(reason: AttemptAborted["reason"], message: string): void {
    this.#aborted ??= new AttemptAborted(reason, message);
    this.#controller?.abort(this.#aborted);
  }

  /** Hands the task back to the queue with its attempt refunded. What the handler returns later is ignored. */
  release(): void {
    this.abort("shutdown", "the worker stops");
    this.#end({ kind: this.begun ? "release" : "unstarted", id: this.id, fence: this.fence });
  }

  /** Times the attempt out if its deadline has passed. Called every 100 ms. */
  checkDeadline(nowMs: number): void {
    if (this.begun && !this.ended && nowMs >= this.#deadlineMs) this.#timeOut();
  }

  #timeOut(): void {
    const error = timeoutError(this.#deadlineMs >= this.leasedAtMs + this.timeoutMs ? this.timeoutMs : null);
    this.abort("timed_out", error.message);
    this.fail(error);
  }

  succeed(value: unknown): void {
    let verdict: Verdict;
    try {
      verdict = resultVerdict(this, value);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#end(verdict);
  }

  fail(error: unknown): void {
    // A suspended attempt has ended already; its handler then ends with an error, which is ignored.
    if (this.ended) return;
    if (error === HAND_BACK) this.#end({ kind: "release", id: this.id, fence: this.fence });
    else this.#end(errorVerdict(this, error), error);
  }

  #end(verdict: Verdict, error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.span?.ended(error);
    this.#run.done(this, verdict, error);
  }
}

import { type Backoff, HoldfastError, LIMITS } from "@holdfast/contracts";
import type { Engine, Grant, Verdict } from "../engine/engine.ts";
import { decodeEnvelope, type Envelope, traceOf, UNREADABLE_TYPE } from "../engine/envelope.ts";
import { encodeError, tracedError } from "../engine/record.ts";
import type { Past } from "../engine/turn.ts";
import { isSampled, traceIdOf } from "../tracing/trace-context.ts";
import type { AttemptSpan, Tracing } from "../tracing/tracing.ts";
import { backoffDelayMs } from "./backoff.ts";
import type { Handler, HandlerContext, HandlerTask } from "./handler.ts";
import { JsonText } from "./json-text.ts";

export const DEFAULT_TIMEOUT_MS = 1_800_000;
const OWN_TIMER_MS = 10_000;

/** Why a handler's signal was aborted: `signal.reason`. */
export class AttemptAborted extends Error {
  readonly reason: "lease_lost" | "cancelled" | "timed_out" | "shutdown";
  constructor(reason: AttemptAborted["reason"], message: string) {
    super(message);
    this.name = "AttemptAborted";
    this.reason = reason;
  }
}

// How the line of a stack begins that says where a handler was called.
const CALLED_HERE = "\n    at RunningTask.start (";

/** A stack without the frames below the handler: they are the same for each error, and several times its own text. */
function withoutOwnFrames(stack: string): string {
  const at = stack.indexOf(CALLED_HERE);
  // Somebody else may have a class of this name.
  return at >= 0 && stack.indexOf("running-task.", at) < stack.indexOf(")", at) ? stack.slice(0, at) : stack;
}

/** The text that is kept of an error: name, message and the first lines of its stack, down to the handler. */
export function errorText(error: unknown): string {
  let text: string;
  try {
    text =
      error instanceof Error
        ? withoutOwnFrames(String(error.stack ?? `${error.name}: ${error.message}`))
        : String(error);
  } catch {
    // Anything can be thrown: Object.create(null) has no text.
    text = "the handler threw a value that has no text";
  }
  return encodeError(text.slice(0, LIMITS.errorCharacters));
}

/** Query builders and the like are awaited as `await` would, whatever class they are of. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** A delay that a script can count with: one bad value would hold up every verdict of its batch. */
function saneDelayMs(delayMs: unknown): number {
  const ms = Number(delayMs);
  return Number.isNaN(ms) ? 0 : Math.min(LIMITS.delayMs, Math.max(0, ms));
}

/** What a throw of a handler means. By name, not by class: a handler may carry another copy of the library. */
export function verdictOfError(
  error: unknown,
  backoff: Backoff,
  attempt: number,
  random: number,
): { kind: "fail"; delayMs: number } | { kind: "fatal" } {
  if (error instanceof Error) {
    const { name } = error;
    if (name === "FatalError") return { kind: "fatal" };
    if (name === "RetryAfter")
      return { kind: "fail", delayMs: saneDelayMs((error as { delayMs?: unknown }).delayMs) };
  }
  return { kind: "fail", delayMs: saneDelayMs(backoffDelayMs(backoff, attempt, random)) };
}

/** The JSON text of a result, undefined for none. @throws HoldfastError where it has none or is too large */
export function resultText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  let text: string | undefined;
  try {
    text = value instanceof JsonText ? value.text : JSON.stringify(value);
  } catch (error) {
    throw new HoldfastError(
      "invalid_argument",
      `the result has no JSON form: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
  if (text !== undefined && Buffer.byteLength(text) > LIMITS.resultBytes) {
    throw new HoldfastError("payload_too_large", `the result has more than ${LIMITS.resultBytes} bytes`);
  }
  return text;
}

export interface RunContext {
  engine: Engine;
  handlers: ReadonlyMap<string, Handler>;
  backoff: Backoff;
  workerId: string;
  tracing: Tracing | undefined;
  /** Called once, when the attempt has a verdict. */
  done(task: RunningTask, verdict: Verdict, error?: unknown): void;
  onError(error: HoldfastError): void;
}

/** One attempt in this process, from its grant to its verdict. */
export class RunningTask implements HandlerTask, HandlerContext {
  readonly id: string;
  readonly token: string;
  /** The part of the token that Redis compares. */
  readonly fence: string;
  readonly queue: string;
  readonly type: string;
  readonly payloadText: string;
  readonly attempt: number;
  readonly enqueuedAt: number;
  readonly tags: readonly string[];
  /** Monotonic, ms, from before its lease began. */
  readonly leasedAtMs: number;
  /** Monotonic, ms: when its handler was called, or when it was leased where it never was. */
  startedAtMs: number;
  /** Its handler was called, or it got a verdict at its start. */
  begun = false;
  /** It has its verdict. */
  ended = false;
  /** Slot in the lease table. */
  slot = -1;
  version = 0;
  /** It was granted to run alone. */
  solo = false;
  /** From the call of its handler to the answer of Redis, where the worker traces. */
  span: AttemptSpan | undefined;
  readonly #run: RunContext;
  readonly #envelope: Envelope | null;
  readonly #decodeError: unknown;
  readonly #past: Past;
  #payload: unknown;
  #parsed = false;
  #controller: AbortController | undefined;
  #aborted: AttemptAborted | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param leasedAtMs monotonic time from before the acquire was sent: the lease cannot have begun later */
  constructor(grant: Grant, run: RunContext, leasedAtMs: number) {
    this.#run = run;
    this.id = grant.id;
    this.token = grant.token;
    this.fence = grant.fence;
    this.queue = run.engine.queue;
    this.leasedAtMs = leasedAtMs;
    this.startedAtMs = leasedAtMs;
    let envelope: Envelope | null = null;
    try {
      envelope = decodeEnvelope(grant.envelope);
    } catch (error) {
      this.#decodeError = error;
    }
    this.#envelope = envelope;
    this.type = envelope?.type ?? UNREADABLE_TYPE;
    this.payloadText = envelope?.payloadText ?? grant.envelope;
    this.enqueuedAt = envelope?.enqueuedAt ?? 0;
    this.tags = envelope?.tags ?? [];
    this.attempt = grant.past.attempt;
    this.#past = grant.past;
  }

  /** Nothing was tried of it before: the wait before it is the one of the task. */
  get fresh(): boolean {
    return this.#past.fresh;
  }

  /** When it could have begun: its enqueue, or the time that it was put off to. By the clock of Redis. */
  get dueAt(): number {
    return this.#envelope?.runAt ?? this.enqueuedAt + (this.#envelope?.delayMs ?? 0);
  }

  get payload(): unknown {
    if (!this.#parsed) {
      this.#payload = JSON.parse(this.payloadText);
      this.#parsed = true;
    }
    return this.#payload;
  }

  /** Made when first read: most handlers never look. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get traceparent(): string | null {
    return this.span?.context?.traceparent ?? this.#envelope?.traceparent ?? null;
  }

  get traceId(): string | null {
    const { traceparent } = this;
    return traceparent === null ? null : traceIdOf(traceparent);
  }

  get timeoutMs(): number {
    return this.#envelope?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  async progress(value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    if (text === undefined) throw new HoldfastError("invalid_argument", "the progress has no JSON form");
    await this.#run.engine.progress(this.id, this.fence, { progress: text.slice(0, LIMITS.errorCharacters) });
  }

  async log(line: string): Promise<void> {
    this.span?.log(String(line));
    await this.#run.engine.progress(this.id, this.fence, {
      line: encodeError(String(line).slice(0, LIMITS.errorCharacters)),
    });
  }

  /** Its lease may be over, or it was told to stop before it was begun. */
  outdated(leaseMs: number, nowMs: number): boolean {
    return this.#aborted !== undefined || nowMs - this.leasedAtMs > leaseMs;
  }

  /** @param nowMs monotonic */
  start(nowMs: number): void {
    this.begun = true;
    this.startedAtMs = nowMs;
    if (!this.#envelope) {
      this.#end(
        { kind: "quarantine", id: this.id, token: this.fence, error: errorText(this.#decodeError) },
        this.#decodeError,
      );
      return;
    }
    const handler = this.#run.handlers.get(this.type);
    if (!handler) {
      this.#end({ kind: "unrouted", id: this.id, token: this.fence });
      return;
    }
    // A little before the deadline in Redis, so that the failure is settled before the lease can be reaped.
    const marginMs = Math.min(250, this.timeoutMs * 0.1);
    this.#deadlineMs = this.leasedAtMs + this.timeoutMs - marginMs;
    // A long one is found by the sweep of its queue: a timer per task would cost more than most tasks.
    if (this.timeoutMs < OWN_TIMER_MS)
      this.#timer = setTimeout(() => this.#timeOut(), Math.max(1, this.#deadlineMs - this.startedAtMs));
    this.span = this.#run.tracing && this.#beginSpan(this.#run.tracing);
    try {
      const returned = this.span ? this.span.run(() => handler(this, this)) : handler(this, this);
      if (isThenable(returned)) {
        Promise.resolve(returned).then(
          (value) => this.#succeed(value),
          (error) => this.#fail(error),
        );
      } else this.#succeed(returned);
    } catch (error) {
      this.#fail(error);
    }
  }

  #beginSpan(tracing: Tracing): AttemptSpan {
    return tracing.attempt({
      queue: this.queue,
      id: this.id,
      type: this.type,
      workerId: this.#run.workerId,
      attempt: this.attempt,
      generation: this.#past.generation,
      payloadText: this.payloadText,
      parent: traceOf(this.#envelope),
      previous: this.#past.span,
    });
  }

  /** Tells the handler to stop. What it then returns or throws is settled like anything else. */
  abort(reason: AttemptAborted["reason"], message: string): void {
    this.#aborted ??= new AttemptAborted(reason, message);
    this.#controller?.abort(this.#aborted);
  }

  /** Hands the task back: the attempt is refunded, whatever the handler still does is ignored. */
  release(): void {
    this.abort("shutdown", "the worker stops");
    this.#end({ kind: this.begun ? "release" : "unstarted", id: this.id, token: this.fence });
  }

  /** Ends it where its time is over: called every 100 ms. */
  checkDeadline(nowMs: number): void {
    if (this.begun && !this.ended && nowMs >= this.#deadlineMs) this.#timeOut();
  }

  #timeOut(): void {
    const error = new Error(`timed out after ${this.timeoutMs} ms`);
    error.name = "TimeoutError";
    error.stack = `${error.name}: ${error.message}`;
    this.abort("timed_out", error.message);
    this.#fail(error);
  }

  #succeed(value: unknown): void {
    let text: string | undefined;
    try {
      text = resultText(value);
    } catch (error) {
      // The work is done: running it again because of its result would do it twice.
      this.#run.onError(error as HoldfastError);
    }
    this.#end(
      text === undefined
        ? { kind: "ack", id: this.id, token: this.fence }
        : { kind: "ack", id: this.id, token: this.fence, resultText: text },
    );
  }

  #fail(error: unknown): void {
    const brought = this.#envelope?.backoff;
    const backoff = brought ? { ...this.#run.backoff, ...brought } : this.#run.backoff;
    const verdict = verdictOfError(error, backoff, this.attempt, Math.random());
    const own = this.span?.context?.traceparent;
    const text = errorText(error);
    // The next attempt points at this one, where its span is kept.
    const told = own !== undefined && isSampled(own) ? tracedError(own, text) : text;
    this.#end({ ...verdict, id: this.id, token: this.fence, error: told }, error);
  }

  #end(verdict: Verdict, error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.span?.ended(error);
    this.#run.done(this, verdict, error);
  }
}

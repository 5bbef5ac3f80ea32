import type { HoldfastError } from "@holdfast/contracts";
import { callHook, thrownBy } from "../user-code.ts";
import { isTraceparent, isTracestate, type TraceContext } from "./trace-context.ts";
import type { AttemptAbout, AttemptSpan, EnqueueAbout, EnqueueSpan, Tracing } from "./tracing.ts";

type OnError = (error: HoldfastError) => void;

/** Wraps a tracer so that its errors never harm a task: they are reported, and the work continues without the hook. */
export function guardedTracing(tracing: Tracing, onError: OnError): Tracing {
  return {
    enqueue: (about) => new GuardedEnqueue(tracing, about, onError),
    attempt: (about) => new GuardedAttempt(tracing, about, onError),
  };
}

/** Returns the trace context of a span; undefined if there is none, or if it is not valid. */
function contextOf(span: { readonly context: TraceContext | undefined } | undefined, onError: OnError) {
  return callHook(
    () => {
      const { traceparent, tracestate } = span?.context ?? {};
      if (traceparent === undefined) return undefined;
      if (!isTraceparent(traceparent) || !(tracestate === undefined || isTracestate(tracestate)))
        throw new TypeError("not a W3C trace context");
      return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
    },
    thrownIn("context", onError),
  );
}

const thrownIn = (hook: string, onError: OnError) => (thrown: unknown) =>
  onError(thrownBy(`\`${hook}\` of the tracing`, thrown));

class GuardedEnqueue implements EnqueueSpan {
  readonly context: TraceContext | undefined;
  readonly #span: EnqueueSpan | undefined;
  readonly #onError: OnError;

  constructor(tracing: Tracing, about: EnqueueAbout, onError: OnError) {
    this.#onError = onError;
    this.#span = callHook(() => tracing.enqueue(about), thrownIn("enqueue", onError));
    this.context = this.#span === undefined ? about.parent : contextOf(this.#span, onError);
  }

  end(result: Parameters<EnqueueSpan["end"]>[0]): void {
    callHook(() => this.#span?.end(result), thrownIn("end", this.#onError));
  }
}

class GuardedAttempt implements AttemptSpan {
  readonly context: TraceContext | undefined;
  readonly #span: AttemptSpan | undefined;
  readonly #onError: OnError;

  constructor(tracing: Tracing, about: AttemptAbout, onError: OnError) {
    this.#onError = onError;
    this.#span = callHook(() => tracing.attempt(about), thrownIn("attempt", onError));
    this.context = contextOf(this.#span, onError);
  }

  /** Calls the handler exactly once, whatever the hook does, and returns or throws what the handler does. */
  run<T>(handler: () => T): T {
    const span = this.#span;
    if (span === undefined) return handler();
    let called: { returned: T } | { thrown: unknown } | undefined;
    const once = (): T => {
      if (called === undefined) {
        try {
          called = { returned: handler() };
        } catch (thrown) {
          called = { thrown };
        }
      }
      if ("thrown" in called) throw called.thrown;
      return called.returned;
    };
    try {
      const returned: unknown = span.run(once);
      // An `async` hook usually rejects with the error of the handler, which `once()` below throws in any case.
      if (returned instanceof Promise) returned.catch(() => {});
    } catch (thrown) {
      const isOfHandler = called !== undefined && "thrown" in called && called.thrown === thrown;
      if (!isOfHandler) thrownIn("run", this.#onError)(thrown);
    }
    return once();
  }

  log(line: string): void {
    callHook(() => this.#span?.log(line), thrownIn("log", this.#onError));
  }

  ended(error: unknown): void {
    callHook(() => this.#span?.ended(error), thrownIn("ended", this.#onError));
  }

  settled(outcome: Parameters<AttemptSpan["settled"]>[0]): void {
    callHook(() => this.#span?.settled(outcome), thrownIn("settled", this.#onError));
  }
}

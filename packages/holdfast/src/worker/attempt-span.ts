import type { Engine } from "../engine/engine.ts";
import type { Envelope } from "../engine/envelope.ts";
import type { Past } from "../engine/round-trip.ts";
import { traceOf } from "../tracing/trace-context.ts";
import type { AttemptSpan, Tracing } from "../tracing/tracing.ts";

interface TracedAttempt {
  readonly engine: Engine;
  readonly id: string;
  readonly type: string;
  readonly attempt: number;
  readonly payloadText: string;
  readonly envelope: Envelope | null;
}

/** Begins the span of an attempt whose handler is about to be called. */
export function beginSpan(tracing: Tracing, of: TracedAttempt, workerId: string, past: Past): AttemptSpan {
  const { engine, id, type, attempt, payloadText, envelope } = of;
  return tracing.attempt({
    ...{ queue: engine.queue, id, type, workerId, attempt, payloadText },
    generation: past.generation,
    parent: traceOf(envelope),
    previous: past.span,
  });
}

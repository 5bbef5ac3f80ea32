import type { TraceContext } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { EnqueueReceipt, EnqueueResult } from "./receipt.ts";

export function tracedEnqueue(
  tracing: Tracing,
  about: { queue: string; type: string; parent: TraceContext | undefined },
  enqueue: (trace: TraceContext | undefined) => Promise<EnqueueReceipt>,
): Promise<EnqueueReceipt> {
  const span = tracing.enqueue({ ...about, count: 1 });
  const stored = enqueue(span.context);
  stored.then(
    (receipt) => span.end(receipt),
    (error) => span.end({ error }),
  );
  return stored;
}

export async function tracedEnqueueMany(
  tracing: Tracing,
  about: { queue: string; tasks: readonly { type: string }[]; parent: TraceContext | undefined },
  enqueue: (trace: TraceContext | undefined) => Promise<EnqueueResult[]>,
): Promise<EnqueueResult[]> {
  const { queue, tasks, parent } = about;
  const [only] = tasks;
  const span = tracing.enqueue({
    ...{ queue, count: tasks.length, parent },
    ...(tasks.length === 1 && only ? { type: only.type } : {}),
  });
  try {
    const results = await enqueue(span.context);
    const refused = results.find((result) => !result.ok);
    if (refused) span.end({ error: refused.error });
    else span.end(results.length === 1 && results[0]?.ok ? results[0].receipt : {});
    return results;
  } catch (error) {
    span.end({ error });
    throw error;
  }
}

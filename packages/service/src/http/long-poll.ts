import type { FastifyReply, FastifyRequest } from "fastify";
import type { HttpServer } from "./types.ts";

/**
 * Runs the work of a long poll.
 * @param work gets a signal that aborts when the client has disconnected, when the key of the sender was revoked, or
 * when `closing` aborts
 * @throws HoldfastError unauthorized, forbidden: the sender lost access meanwhile
 */
export async function longPoll<Result>(
  app: HttpServer,
  request: FastifyRequest,
  reply: FastifyReply,
  closing: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const watch = app.basics.watch(request);
  const denied = new AbortController();
  watch.onDenied = () => denied.abort();
  try {
    const result = await work(untilGone(reply.raw, closing, denied.signal));
    watch.recheck();
    return result;
  } finally {
    watch.end();
  }
}

/** Returns a signal that aborts when the answer was sent, the client has gone, or one of `signals` aborts. */
function untilGone(response: NodeJS.EventEmitter, ...signals: AbortSignal[]): AbortSignal {
  const gone = new AbortController();
  const abort = () => {
    for (const signal of signals) signal.removeEventListener("abort", abort);
    gone.abort();
  };
  response.once("close", abort);
  for (const signal of signals) {
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  }
  return gone.signal;
}

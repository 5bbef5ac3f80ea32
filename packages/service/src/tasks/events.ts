import { Readable } from "node:stream";
import {
  asHoldfastError,
  HoldfastError,
  LIMITS,
  type QueueEvent,
  TASK_EVENT_TYPES,
  type TaskEventType,
} from "@holdfast/contracts";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { QueueEvents } from "holdfast";
import { Type } from "typebox";
import { RequestError } from "../http/problem.ts";
import type { HttpServer } from "../http/types.ts";
import type { TaskRouteOptions } from "./intake.ts";
import { eventSchema, eventsQuery, problemSchema, queueParams } from "./schema.ts";

// After this time without an event, a comment is sent, so that proxies and clients know that the connection is alive.
const ALIVE_MS = 15_000;
// The most open streams. The number is limited because each stream reads the events from Redis on its own.
const STREAMS = 200;
const SSE = "text/event-stream";
const NDJSON = "application/x-ndjson";

/**
 * The route `GET /v1/queues/:queue/events`. It sends the events of a queue, as Server-Sent Events or as lines, until
 * the client disconnects.
 */
export function registerEventRoute(app: HttpServer, options: TaskRouteOptions, closing: AbortSignal): void {
  let streams = 0;
  app.get(
    "/v1/queues/:queue/events",
    {
      schema: {
        tags: ["tasks"],
        summary: "What happens to the tasks of a queue",
        description:
          "Server-Sent Events, or one JSON object per line with `Accept: application/x-ndjson`, for as long as the client listens. The `id` of an event is its cursor: a client that connects again sends it as `Last-Event-ID` or `after`. The stream begins with the `id` of the place from which it reads. If events are missing, the stream has a `gap` in their place. 409 events_off: the queue keeps no events (its setting maxEvents). If the answer ends by an error, its last event is `error` with the problem.",
        produces: [SSE, NDJSON],
        params: queueParams,
        querystring: eventsQuery,
        headers: Type.Object({
          "last-event-id": Type.Optional(Type.String({ maxLength: LIMITS.cursorCharacters })),
        }),
        response: { 200: eventSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { after = request.headers["last-event-id"], types } = request.query;
      const wanted = types === undefined ? undefined : typesIn(types);
      const queue = options.queue(request.params.queue);
      if (streams >= STREAMS)
        throw new HoldfastError(
          "rate_limited",
          `this server has ${STREAMS} open streams of events, and allows no more: close one, or try again later`,
          {
            retryAfterMs: 5_000,
          },
        );
      const gone = new AbortController();
      const end = () => gone.abort();
      reply.raw.once("close", end);
      closing.addEventListener("abort", end);
      const events = queue.events({
        after: after === "" ? undefined : after,
        types: wanted,
        signal: gone.signal,
      });
      streams++;
      const stop = () => {
        streams--;
        closing.removeEventListener("abort", end);
      };
      let cursor: string;
      try {
        // The first read is done before the answer begins. So a wrong cursor, or a queue that keeps no events, gets
        // an error status.
        cursor = await events.ready();
        gone.signal.throwIfAborted();
      } catch (error) {
        stop();
        await events.return?.();
        throw error;
      }
      return answer(app, request, reply, { events, cursor, gone, stop });
    },
  );
}

function typesIn(text: string): TaskEventType[] {
  const types = text.split(",");
  for (const type of types)
    if (!(TASK_EVENT_TYPES as readonly string[]).includes(type)) {
      const message = `types has to be some of ${TASK_EVENT_TYPES.join(", ")}, separated by commas, got "${type.slice(0, 32)}"`;
      throw new RequestError("invalid_request", message, [{ path: "/types", message, in: "querystring" }]);
    }
  return types as TaskEventType[];
}

interface Answer {
  events: QueueEvents;
  /** The cursor from which events are read. */
  cursor: string;
  gone: AbortController;
  stop(): void;
}

/**
 * Sends the events. It reads more events only when the client has taken the earlier ones, which limits the memory. A
 * client that is too slow gets a `gap` event.
 */
function answer(
  app: HttpServer,
  request: FastifyRequest,
  reply: FastifyReply,
  { events, cursor, gone, stop }: Answer,
): FastifyReply {
  const asLines = /\bx-ndjson\b/i.test(request.headers.accept ?? "");
  const mask = app.basics.maskFor(request.identity);
  const watch = app.basics.watch(request);
  let denied: Error | undefined;
  watch.onDenied = (error) => {
    denied = error;
    gone.abort();
  };
  const masked = (event: QueueEvent): QueueEvent =>
    mask && "resultText" in event
      ? { ...event, ...(mask({ resultText: event.resultText }) as object) }
      : event;
  const text = (name: string, value: object, cursor?: string) => {
    if (asLines) return `${JSON.stringify(value)}\n`;
    const id = cursor === undefined ? "" : `id: ${cursor}\n`;
    return `event: ${name}\n${id}data: ${JSON.stringify(value)}\n\n`;
  };
  async function* chunks(): AsyncGenerator<string> {
    try {
      // The stream begins with this id. A client that loses the connection before its first event sends the id again
      // and misses nothing.
      if (!asLines) yield `: events\nid: ${cursor}\n\n`;
      for await (const event of alive(events)) {
        if (event === null) {
          if (!asLines) yield ": alive\n\n";
          continue;
        }
        watch.recheck();
        yield text(event.type, masked(event), event.cursor);
      }
    } catch (error) {
      // The client has disconnected, or the server stops.
      if (gone.signal.aborted && denied === undefined) return;
      const { code, message: detail } = asHoldfastError(denied ?? error);
      yield text("error", { type: "error", code, detail });
    } finally {
      watch.end();
      stop();
      await events.return?.();
    }
  }
  return reply
    .code(200)
    .type(asLines ? `${NDJSON}; charset=utf-8` : `${SSE}; charset=utf-8`)
    .header("cache-control", "no-store")
    .header("x-accel-buffering", "no")
    .send(Readable.from(chunks(), { highWaterMark: 1 }));
}

/** Returns the events, and null whenever no event came for `ALIVE_MS`. */
async function* alive(events: QueueEvents): AsyncGenerator<QueueEvent | null> {
  let next = events.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const quiet = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), ALIVE_MS);
    });
    const result = await Promise.race([next, quiet]).finally(() => clearTimeout(timer));
    if (result === null) yield null;
    else if (result.done) return;
    else {
      yield result.value;
      next = events.next();
    }
  }
}

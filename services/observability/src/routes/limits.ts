import {
  HoldBody,
  KeyLimitBody,
  KeyParams,
  KeysQuery,
  KeysReply,
  LimitsBody,
  LimitsReply,
  nullable,
  QueueParams,
  TaskKeySchema,
} from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { authorOf } from "../operators/audit-log.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** The limits of a queue, and the keys of its tasks. */
export function limitRoutes(app: HttpServer, { observer, audit, admitQueue }: RouteContext): void {
  const { limits } = observer;
  const tags = [TAGS.queues];

  app.get(
    "/v1/queues/:queue/limits",
    {
      schema: {
        tags,
        summary: "Limits of a queue",
        description: "The limits, how many tasks run, and what holds the queue as a whole back.",
        params: QueueParams,
        response: { 200: LimitsReply, ...PROBLEMS },
      },
    },
    async (request) => limits.get(request.params.queue),
  );

  app.put(
    "/v1/queues/:queue/limits",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Set the limits of a queue",
        description:
          "All of them: a limit that is left out ends. They are obeyed from the next task on that is granted; what runs goes on.",
        params: QueueParams,
        body: LimitsBody,
        response: { 200: LimitsReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { view } = await audit.during(
        { action: "queue.limits", queue, by: authorOf(request) },
        async () => {
          await admitQueue(queue, request);
          return { count: 0, view: await limits.set(queue, request.body) };
        },
      );
      return view;
    },
  );

  app.get(
    "/v1/queues/:queue/keys",
    {
      schema: {
        tags,
        summary: "Keys with waiting tasks",
        description: "For each: how many tasks wait and run, its own limit, and what holds it back.",
        params: QueueParams,
        querystring: KeysQuery,
        response: { 200: KeysReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      return { queue, ...(await limits.keys(queue, request.query)) };
    },
  );

  app.get(
    "/v1/queues/:queue/keys/:key",
    {
      schema: {
        tags,
        summary: "One key of a queue",
        params: KeyParams,
        response: { 200: TaskKeySchema, ...PROBLEMS },
      },
    },
    async (request) => limits.key(request.params.queue, request.params.key),
  );

  app.put(
    "/v1/queues/:queue/keys/:key/limit",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Give a key a limit of its own",
        description: "In place of the limit of all keys. `null` takes it away.",
        params: KeyParams,
        body: nullable(KeyLimitBody),
        response: { 200: TaskKeySchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue, key } = request.params;
      const { forMs, ...limit } = request.body ?? {};
      const { view } = await audit.during(
        { action: "queue.key_limit", queue, subject: key, by: authorOf(request) },
        async () => ({
          count: 0,
          view: await limits.setKey(queue, key, request.body === null ? null : limit, { forMs }),
        }),
      );
      return view;
    },
  );

  app.post(
    "/v1/queues/:queue/hold",
    {
      schema: {
        tags,
        summary: "Hold a key or the queue for some time",
        description: "No task of it is granted for so long, then it goes on by itself. Running tasks go on.",
        params: QueueParams,
        body: HoldBody,
        response: { 200: LimitsReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { holdMs, key, reason } = request.body;
      await audit.during(
        {
          action: "queue.hold",
          queue,
          ...(key === undefined ? {} : { subject: key }),
          by: authorOf(request),
          reason,
        },
        async () => {
          await limits.hold(queue, holdMs, { key });
          return { count: 0 };
        },
      );
      return limits.get(queue);
    },
  );
}

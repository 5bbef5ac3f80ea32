import { HoldfastError, type LimitsView, type SharedLimitView } from "@holdfast/contracts";
import {
  HoldBody,
  type Identity,
  KeyLimitBody,
  KeyParams,
  KeysQuery,
  KeysReply,
  LimitsBody,
  LimitsReply,
  nullable,
  QueueParams,
  SharedLimitBody,
  SharedLimitParams,
  SharedLimitSchema,
  SharedLimitsReply,
  TaskKeySchema,
} from "@holdfast/contracts/api";
import { assertQueue, type HttpServer, mayUseQueue } from "@holdfast/service";
import { Type } from "typebox";
import { authorOf } from "../operators/audit-log.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/**
 * Whether the identity may see a shared limit. A shared limit names all of its queues, so the identity needs access to
 * all of them.
 */
const mayUse =
  (identity: Identity) =>
  ({ queues }: SharedLimitView) =>
    queues.every((queue) => mayUseQueue(identity, queue));

const unknown = (name: string) => new HoldfastError("not_found", `no shared limit is called "${name}"`);

const seenBy = (identity: Identity, view: LimitsView): LimitsView => ({
  ...view,
  shared: view.shared.filter(mayUse(identity)),
});

/** The routes for limits that several queues share. */
function sharedLimitRoutes(app: HttpServer, { observer: { limits }, audit, admitQueue }: RouteContext): void {
  const tags = [TAGS.queues];
  const known = async (name: string) => (await limits.shared()).find((limit) => limit.name === name);

  app.get(
    "/v1/limits",
    {
      schema: {
        tags,
        summary: "Limits that queues share",
        description: "With what each queue, or each partition of it, may use for now.",
        response: { 200: SharedLimitsReply, ...PROBLEMS },
      },
    },
    async ({ identity }) => ({ limits: (await limits.shared()).filter(mayUse(identity)) }),
  );

  app.put(
    "/v1/limits/:name",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Set a limit that queues share",
        description:
          "Every second a janitor divides the limit among the queues, according to their waiting tasks. Together the queues never exceed it.",
        params: SharedLimitParams,
        body: SharedLimitBody,
        response: { 200: SharedLimitSchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { name } = request.params;
      const { limit, queues } = request.body;
      // The caller needs access to all queues of a shared limit: those before the change and those after it.
      const before = await known(name);
      for (const queue of [...(before?.queues ?? []), ...queues]) assertQueue(request.identity, queue);
      const { view } = await audit.during(
        { action: "limit.share", queue: null, subject: name, by: authorOf(request) },
        async () => {
          // The limit is checked first. So a refused request creates no queue.
          await limits.checkShare(name, limit, queues);
          for (const queue of queues) await admitQueue(queue, request);
          return { count: 0, view: await limits.share(name, limit, queues) };
        },
      );
      return view;
    },
  );

  app.delete(
    "/v1/limits/:name",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "End a limit that queues share",
        params: SharedLimitParams,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      // If the caller may not use all queues of the limit, the answer is the same as for a limit that does not exist.
      const limit = await known(name);
      if (limit && !mayUse(request.identity)(limit)) throw unknown(name);
      await audit.during(
        { action: "limit.unshare", queue: null, subject: name, by: authorOf(request) },
        async () => {
          if (!(await limits.unshare(name))) throw unknown(name);
          return { count: 0 };
        },
      );
      return reply.status(204).send(null);
    },
  );
}

const subjectOf = (subject: string | undefined) => (subject === undefined ? {} : { subject });

/** The routes for the limits of a queue and for the keys of its tasks. */
export function limitRoutes(app: HttpServer, context: RouteContext): void {
  const { observer, audit, admitQueue } = context;
  const { limits } = observer;
  const tags = [TAGS.queues];
  sharedLimitRoutes(app, context);

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
    async (request) => seenBy(request.identity, await limits.get(request.params.queue)),
  );

  app.put(
    "/v1/queues/:queue/limits",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Set the limits of a queue",
        description:
          "Sets all limits: a limit that is left out ends. They apply from the next grant on; running tasks continue.",
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
          limits.check(request.body);
          await admitQueue(queue, request);
          return { count: 0, view: seenBy(request.identity, await limits.set(queue, request.body)) };
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
        description: "It replaces the limit for all keys. `null` removes it.",
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
        summary: "Hold a key, a type or the queue for some time",
        description:
          "No task of the key, type or queue is granted for this time. Afterwards the hold ends by itself. Running tasks continue.",
        params: QueueParams,
        body: HoldBody,
        response: { 200: LimitsReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { holdMs, key, type, reason } = request.body;
      await audit.during(
        {
          action: "queue.hold",
          queue,
          ...subjectOf(key ?? type),
          by: authorOf(request),
          reason,
        },
        async () => {
          await limits.hold(queue, holdMs, { key, type });
          return { count: 0 };
        },
      );
      return seenBy(request.identity, await limits.get(queue));
    },
  );
}

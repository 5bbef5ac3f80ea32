import {
  DeleteQueueQuery,
  EmptyBody,
  nullable,
  OperationView,
  PartitionsBody,
  PartitionsReply,
  PauseBody,
  PauseReply,
  QueueList,
  QueueParams,
  QueueSettingsSchema,
  QueueStatsSchema,
  RemovedReply,
  SERIES,
  SeriesQuery,
  SeriesReply,
  SettingsBody,
  StaleVerdictsQuery,
  StaleVerdictsReply,
  TypesQuery,
  TypesReply,
} from "@holdfast/contracts/api";
import { type HttpServer, mayUseQueue, RequestError } from "@holdfast/service";
import { authorOf } from "../operators/audit-log.ts";
import { stepFor, viewOf } from "../sampling/series-view.ts";
import { typesView } from "../sampling/types-view.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** Up to this many tasks are removed within the request. More would take too long, so an operation removes them. */
const EMPTY_SYNC_LIMIT = 10_000;

/** The time for which tasks are counted by type if the request names no window, ms. */
const TYPES_WINDOW_MS = 3_600_000;

export function queueRoutes(app: HttpServer, context: RouteContext): void {
  const { observer, series, history, audit, operations, admitQueue } = context;
  const tags = [TAGS.queues];

  app.get(
    "/v1/queues",
    {
      schema: {
        tags,
        summary: "List queues",
        description: "Present counts of every queue, and its rates over the last seconds.",
        response: { 200: QueueList, ...PROBLEMS },
      },
    },
    async ({ identity }) => {
      const queues = (await observer.snapshot()).filter(({ queue }) => mayUseQueue(identity, queue));
      const rates = Object.entries(series.rates()).filter(([queue]) => mayUseQueue(identity, queue));
      return { queues, rates: Object.fromEntries(rates) };
    },
  );

  app.get(
    "/v1/queues/:queue",
    {
      schema: {
        tags,
        summary: "Counts of one queue",
        params: QueueParams,
        response: { 200: QueueStatsSchema, ...PROBLEMS },
      },
    },
    async (request) => observer.stats(request.params.queue),
  );

  app.get(
    "/v1/queues/:queue/series",
    {
      schema: {
        tags,
        summary: "The past of a queue",
        description:
          "Counts, rates, wait and run times. This process has the last 15 minutes in steps of 1 s; Redis keeps 3 hours in steps of 10 s and 30 days in steps of 5 minutes. Points that were kept in longer steps than requested come unchanged.",
        params: QueueParams,
        querystring: SeriesQuery,
        response: { 200: SeriesReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const windowMs = request.query.windowMs ?? SERIES.windowMs;
      const stepMs = stepFor(windowMs, request.query.stepMs);
      const live = series.points(queue, Math.min(windowMs, SERIES.windowMs));
      // `stats` throws if the queue is unknown. A queue that was not sampled yet gets an empty series.
      const untilMs = live.at(-1)?.at ?? (await observer.stats(queue)).at;
      const sinceMs = untilMs - windowMs;
      const [buckets, deploys] = await Promise.all([
        history.read(queue, sinceMs, untilMs),
        history.deploys(queue),
      ]);
      return {
        ...{ queue, windowMs, ...viewOf(buckets, live, { stepMs, sinceMs }) },
        deploys: deploys.filter(({ at }) => at > sinceMs),
      };
    },
  );

  app.get(
    "/v1/queues/:queue/types",
    {
      schema: {
        tags,
        summary: "The attempts of each task type",
        description:
          "How many completed and failed, how long they waited and ran, and a heat map of one type. Redis keeps the counts of one day, for up to 64 types.",
        params: QueueParams,
        querystring: TypesQuery,
        response: { 200: TypesReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { windowMs = TYPES_WINDOW_MS, type } = request.query;
      const { at } = await observer.stats(queue);
      const buckets = await history.types(queue, at - windowMs, at);
      return { queue, windowMs, at, ...typesView(buckets, type) };
    },
  );

  app.get(
    "/v1/queues/:queue/stale-verdicts",
    {
      schema: {
        tags,
        summary: "Settles that came too late",
        description:
          "Each was refused because its lease had been lost. `overlapMs` is how long two attempts of the task overlapped.",
        params: QueueParams,
        querystring: StaleVerdictsQuery,
        response: { 200: StaleVerdictsReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      return { queue, verdicts: await observer.staleVerdicts(queue, request.query.limit) };
    },
  );

  app.patch(
    "/v1/queues/:queue",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Change the settings of a queue",
        description:
          "Caps and retention; settings that are not named stay as they are. Answers all settings.",
        params: QueueParams,
        body: SettingsBody,
        response: { 200: QueueSettingsSchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { settings } = await audit.during(
        { action: "queue.configure", queue, by: authorOf(request) },
        async () => {
          await admitQueue(queue, request);
          return { count: 0, settings: await observer.configure(queue, request.body) };
        },
      );
      return settings;
    },
  );

  app.put(
    "/v1/queues/:queue/partitions",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Give a queue partitions, or more of them",
        description:
          "One queue then uses several nodes of a Cluster. A queue without partitions has to be empty, ended tasks included; the number is never lowered. 409: the queue holds tasks, or has more partitions than requested.",
        params: QueueParams,
        body: PartitionsBody,
        response: { 200: PartitionsReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { partitions } = await audit.during(
        { action: "queue.partition", queue, by: authorOf(request) },
        async () => {
          await admitQueue(queue, request);
          return { count: 0, ...(await observer.partition(queue, request.body.partitions)) };
        },
      );
      return { queue, partitions };
    },
  );

  app.post(
    "/v1/queues/:queue/pause",
    {
      schema: {
        tags,
        summary: "Pause a queue",
        description:
          "Workers acquire no more of its tasks. Running tasks continue, and enqueues are accepted.",
        params: QueueParams,
        body: nullable(PauseBody),
        response: { 200: PauseReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const reason = request.body?.reason;
      await audit.during({ action: "queue.pause", queue, by: authorOf(request), reason }, async () => {
        await admitQueue(queue, request);
        await observer.pause(queue, reason, request.identity.label);
        return { count: 0 };
      });
      return { queue, paused: true };
    },
  );

  app.post(
    "/v1/queues/:queue/resume",
    {
      schema: {
        tags,
        summary: "Resume a paused queue",
        params: QueueParams,
        body: nullable(PauseBody),
        response: { 200: PauseReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const reason = request.body?.reason;
      await audit.during({ action: "queue.resume", queue, by: authorOf(request), reason }, async () => {
        await observer.resume(queue);
        return { count: 0 };
      });
      return { queue, paused: false };
    },
  );

  app.post(
    "/v1/queues/:queue/empty",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Remove every task in some states",
        description: `This cannot be undone. Running tasks stay. More than ${EMPTY_SYNC_LIMIT} tasks: 202 with an operation.`,
        params: QueueParams,
        body: EmptyBody,
        response: { 200: RemovedReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { states, reason } = request.body;
      assertConfirmed(queue, request.body.confirm, "body", "/confirm");
      const mutation = { action: "queue.empty" as const, queue, by: authorOf(request), reason };
      const stats = await observer.stats(queue);
      const total = states.reduce((sum, state) => sum + stats[state], 0);
      if (total > EMPTY_SYNC_LIMIT) {
        const { view } = await audit.during(mutation, async () => {
          const by = { ...authorOf(request), reason: reason ?? null };
          const view = await operations.start({ kind: "empty", queue, states, by }, total, request);
          return { count: total, operationId: view.id, view };
        });
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      }
      const { count } = await audit.during(mutation, async () => ({
        count: (await observer.empty(queue, states)).removed,
      }));
      return reply.code(200).send({ queue, removed: count });
    },
  );

  app.delete(
    "/v1/queues/:queue",
    {
      config: { scope: "admin" },
      schema: {
        tags,
        summary: "Delete a queue with everything in it",
        description: "This cannot be undone. The queue must be paused and none of its tasks running.",
        params: QueueParams,
        querystring: DeleteQueueQuery,
        response: { 200: RemovedReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue } = request.params;
      const { confirm, reason } = request.query;
      assertConfirmed(queue, confirm, "querystring", "/confirm");
      const { count } = await audit.during(
        { action: "queue.delete", queue, by: authorOf(request), reason },
        async () => ({ count: (await observer.deleteQueue(queue)).removed }),
      );
      return { queue, removed: count };
    },
  );
}

function assertConfirmed(queue: string, confirm: string, part: string, path: string): void {
  if (confirm === queue) return;
  const message = `must be the name of the queue, "${queue}"`;
  throw new RequestError(
    part === "body" ? "invalid_argument" : "invalid_request",
    `${part}${path} ${message}`,
    [{ path, message, in: part }],
  );
}

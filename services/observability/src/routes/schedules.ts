import {
  type Identity,
  nullable,
  ScheduleActionBody,
  ScheduleBody,
  ScheduleList,
  ScheduleParams,
  SchedulePreview,
  SchedulePreviewBody,
  ScheduleQuery,
  ScheduleRunReply,
  ScheduleViewSchema,
} from "@holdfast/contracts/api";
import { assertQueue, type HttpServer, mayUseQueue } from "@holdfast/service";
import { HoldfastError, Schedules } from "holdfast";
import { Type } from "typebox";
import { authorOf } from "../operators/audit-log.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

export function scheduleRoutes(app: HttpServer, { audit, schedules, admitQueue }: RouteContext): void {
  const tags = [TAGS.schedules];
  const config = { scope: "control" } as const;
  /**
   * Returns the schedule with this id. If the caller may not see its queue, the answer is the same as for a missing
   * schedule.
   * @throws HoldfastError not_found
   */
  const visible = async (identity: Identity, id: string) => {
    const schedule = await schedules.get(id);
    return schedule && mayUseQueue(identity, schedule.queue) ? schedule : unknown(id);
  };

  app.get(
    "/v1/schedules",
    {
      config: { showsPayloads: true },
      schema: {
        tags,
        summary: "List schedules",
        description: "All schedules, or those of one queue, in the order of their ids.",
        querystring: ScheduleQuery,
        response: { 200: ScheduleList, ...PROBLEMS },
      },
    },
    async ({ identity, query }) => ({
      schedules: (await schedules.list({ queue: query.queue })).filter(({ queue }) =>
        mayUseQueue(identity, queue),
      ),
    }),
  );

  app.get(
    "/v1/schedules/:id",
    {
      config: { showsPayloads: true },
      schema: {
        tags,
        summary: "One schedule",
        params: ScheduleParams,
        response: { 200: ScheduleViewSchema, ...PROBLEMS },
      },
    },
    async (request) => visible(request.identity, request.params.id),
  );

  app.put(
    "/v1/schedules/:id",
    {
      config,
      schema: {
        tags,
        summary: "Write a schedule",
        description:
          "Creates the schedule, or replaces the definition of the one with that id. Its run history is kept. Its next time is kept if expression and time zone stay the same.",
        params: ScheduleParams,
        body: ScheduleBody,
        response: { 200: ScheduleViewSchema, 201: ScheduleViewSchema, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const before = await schedules.get(id);
      // A hook has checked access to the queue in the body. The caller also needs access to the queue that the schedule
      // had before.
      if (before) assertQueue(request.identity, before.queue);
      const isNew = before === null;
      const { view } = await audit.during(
        { action: "schedule.put", queue: request.body.queue, subject: id, by: authorOf(request) },
        async () => {
          // `preview` throws if the definition is wrong. So a refused request creates no queue.
          Schedules.preview(request.body.cron, request.body.timeZone);
          await admitQueue(request.body.queue, request);
          return { count: 0, view: await schedules.put(id, request.body) };
        },
      );
      if (isNew) reply.header("location", `/v1/schedules/${id}`);
      return reply.code(isNew ? 201 : 200).send(view);
    },
  );

  app.delete(
    "/v1/schedules/:id",
    {
      config,
      schema: {
        tags,
        summary: "Delete a schedule",
        description: "Tasks that the schedule has enqueued stay.",
        params: ScheduleParams,
        response: { 204: Type.Null(), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { queue } = await visible(request.identity, id);
      await audit.during(
        { action: "schedule.delete", queue, subject: id, by: authorOf(request) },
        async () => {
          if (!(await schedules.delete(id))) unknown(id);
          return { count: 0 };
        },
      );
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/v1/schedules/:id/run",
    {
      config,
      schema: {
        tags,
        summary: "Run a schedule now",
        description:
          "Enqueues a task at once, even if the schedule is paused. Its occurrences do not change. 409 if its overlap is skip and its last task has not ended.",
        params: ScheduleParams,
        body: nullable(ScheduleActionBody),
        response: { 201: ScheduleRunReply, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { queue } = await visible(request.identity, id);
      const mutation = { action: "schedule.run" as const, queue, subject: id, by: authorOf(request) };
      const { run } = await audit.during({ ...mutation, reason: request.body?.reason }, async () => {
        await admitQueue(queue, request);
        return { count: 1, run: await schedules.run(id) };
      });
      return reply
        .code(201)
        .header("location", `/v1/queues/${run.queue}/tasks/${encodeURIComponent(run.taskId)}`)
        .send(run);
    },
  );

  for (const action of ["pause", "resume"] as const) {
    app.post(
      `/v1/schedules/:id/${action}`,
      {
        config,
        schema: {
          tags,
          summary: action === "pause" ? "Pause a schedule" : "Resume a paused schedule",
          description:
            action === "pause"
              ? "Occurrences during the pause are skipped for good."
              : "It continues with the next occurrence from now.",
          params: ScheduleParams,
          body: nullable(ScheduleActionBody),
          response: { 200: ScheduleViewSchema, ...PROBLEMS },
        },
      },
      async (request) => {
        const { id } = request.params;
        const { queue } = await visible(request.identity, id);
        const mutation = { action: `schedule.${action}` as const, queue, subject: id, by: authorOf(request) };
        const { view } = await audit.during({ ...mutation, reason: request.body?.reason }, async () => ({
          count: 0,
          view: await schedules[action](id),
        }));
        return view;
      },
    );
  }

  app.post(
    "/v1/schedules/preview",
    {
      // The scope is "read", because a preview changes nothing although it is a POST.
      config: { scope: "read" },
      schema: {
        tags,
        summary: "A cron expression in words, and its next five times",
        body: SchedulePreviewBody,
        response: { 200: SchedulePreview, ...PROBLEMS },
      },
    },
    async (request) => Schedules.preview(request.body.cron, request.body.timeZone),
  );
}

function unknown(id: string): never {
  throw new HoldfastError("not_found", `there is no schedule "${id}"`);
}

import {
  ChangeTasksBody,
  ChangeTasksReply,
  OperationView,
  QueueParams,
  SYNC_LIMIT,
} from "@holdfast/contracts/api";
import { type HttpServer, RequestError } from "@holdfast/service";
import { authorOf } from "../operators/audit-log.ts";
import { begin, matching } from "../operators/bulk.ts";
import { selectionOf } from "../operators/selection.ts";
import { abortOf, PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** The route that changes many waiting tasks. `PATCH` on one task changes only that task. */
export function changeTasksRoutes(app: HttpServer, { observer, audit, operations }: RouteContext): void {
  app.post(
    "/v1/queues/:queue/tasks/change",
    {
      schema: {
        tags: [TAGS.tasks],
        summary: "Change tasks that wait",
        description: `Gives waiting tasks another time or priority; \`"change": { "delayMs": 0 }\` runs them now. A filter or \`all\` selects scheduled tasks, including those that wait for a retry; ids may also name pending tasks. Tasks that begin to wait after the request are not changed. Up to ${SYNC_LIMIT}: 200 with the result. More, or with \`ratePerSecond\`: 202 with an operation. \`dryRun\` only counts.`,
        params: QueueParams,
        body: ChangeTasksBody,
        response: { 200: ChangeTasksReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { body } = request;
      const selection = selectionOf(body);
      if (body.change.runAt !== undefined && body.change.delayMs !== undefined)
        throw new RequestError(
          "invalid_argument",
          "body/change/runAt and body/change/delayMs cannot be combined",
          [{ path: "/change/runAt", message: "cannot be combined with delayMs", in: "body" }],
        );
      const { isWhole, ...matches } = await matching(observer, queue, selection, {
        ...{ state: "scheduled", isDryRun: body.dryRun === true, signal: abortOf(reply) },
      });
      if (body.dryRun) {
        const none = { changed: 0, skipped: 0, operationId: null };
        return reply.code(200).send({ dryRun: true, ...matches, ...none });
      }
      const by = authorOf(request);
      const spec = {
        ...{ kind: "change" as const, queue, selection, change: body.change },
        ...(body.ratePerSecond === undefined ? {} : { ratePerSecond: body.ratePerSecond }),
        by: { ...by, reason: body.reason ?? null },
      };
      const isSmall = isWhole && matches.matched <= SYNC_LIMIT && body.ratePerSecond === undefined;
      const { view } = await audit.during({ action: "task.change", queue, by, reason: body.reason }, () =>
        begin(operations, spec, { total: matches.matched, isWhole, isSmall }, request),
      );
      if (view.state !== "succeeded")
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      const { changed = 0, skipped = 0 } = view.result;
      return reply.code(200).send({ dryRun: false, ...matches, changed, skipped, operationId: view.id });
    },
  );
}

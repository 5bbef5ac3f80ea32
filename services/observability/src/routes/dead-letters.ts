import {
  DiscardBody,
  DiscardReply,
  OperationView,
  QueueParams,
  ReplayBody,
  ReplayReply,
  SYNC_LIMIT,
} from "@holdfast/contracts/api";
import { checkJson } from "@holdfast/contracts/json";
import { type HttpServer, RequestError } from "@holdfast/service";
import { authorOf } from "../operators/audit-log.ts";
import { begin, matching } from "../operators/bulk.ts";
import { replayDead } from "../operators/replay.ts";
import { assertPatch, selectionOf, subjectOf } from "../operators/selection.ts";
import { abortOf, PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/**
 * The routes for replay and discard. The request itself acts on small selections. Large ones, and those with a rate,
 * become operations.
 */
export function deadLetterRoutes(app: HttpServer, context: RouteContext): void {
  const { observer, audit, operations } = context;

  app.post(
    "/v1/queues/:queue/dead-letters/replay",
    {
      schema: {
        tags: [TAGS.deadLetters],
        summary: "Replay dead letters",
        description: `Puts them back with attempts at zero and their history kept. Up to ${SYNC_LIMIT}: 200 with the result. More, or with \`ratePerSecond\` or \`canary\`: 202 with an operation on the tasks that were dead when it began. \`dryRun\` only counts; \`patch\` replaces the payload of one task; \`to\` sends them into another queue. A task whose unique key another task holds stays a dead letter, unless \`force\` is true.`,
        params: QueueParams,
        body: ReplayBody,
        response: { 200: ReplayReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { body } = request;
      const selection = selectionOf(body);
      assertPatch(body);
      if (body.patch) checkJson(body.patch.payloadText, "payloadText");
      if (body.patch && body.to !== undefined && body.to !== queue)
        throw new RequestError("invalid_argument", "body/patch and body/to cannot be combined", [
          { path: "/patch", message: "cannot be combined with to", in: "body" },
        ]);
      return replayDead(context, { queue, selection }, body, request, reply);
    },
  );

  app.post(
    "/v1/queues/:queue/dead-letters/discard",
    {
      schema: {
        tags: [TAGS.deadLetters],
        summary: "Discard dead letters",
        description: `Removes dead letters; for ten minutes \`POST /v1/operations/:id/undo\` puts them back. Up to ${SYNC_LIMIT}: 200 with the result and the id of its operation. More, or with \`ratePerSecond\`: 202 with the operation.`,
        params: QueueParams,
        body: DiscardBody,
        response: { 200: DiscardReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { body } = request;
      const selection = selectionOf(body);
      const { isWhole, ...matches } = await matching(observer, queue, selection, {
        ...{ state: "dead", isDryRun: body.dryRun === true, signal: abortOf(reply) },
      });
      if (body.dryRun) {
        return reply
          .code(200)
          .send({ dryRun: true, ...matches, discarded: 0, skipped: 0, operationId: null, undoUntil: null });
      }
      const by = authorOf(request);
      const mutation = {
        ...{ action: "dead_letters.discard" as const, queue, by, reason: body.reason },
        subject: subjectOf(selection),
      };
      const spec = {
        kind: "discard" as const,
        queue,
        selection,
        ...(body.ratePerSecond === undefined ? {} : { ratePerSecond: body.ratePerSecond }),
        by: { ...by, reason: body.reason ?? null },
      };
      const isSmall = isWhole && matches.matched <= SYNC_LIMIT && body.ratePerSecond === undefined;
      const { view } = await audit.during(mutation, () =>
        begin(operations, spec, { total: matches.matched, isWhole, isSmall }, request),
      );
      if (view.state !== "succeeded")
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      const { discarded = 0, skipped = 0 } = view.result;
      const results =
        "ids" in selection
          ? ((await operations.store.outcomes(
              view.id,
              selection.ids,
              "discarded",
            )) as DiscardReply["results"])
          : undefined;
      return reply.code(200).send({
        dryRun: false,
        ...matches,
        discarded,
        skipped,
        operationId: view.id,
        undoUntil: view.undoUntil,
        ...(results ? { results } : {}),
      });
    },
  );
}

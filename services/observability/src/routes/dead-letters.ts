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
import { HoldfastError, type Observer } from "holdfast";
import type { OperationSpec } from "holdfast/operate";
import { authorOf } from "../operators/audit-log.ts";
import type { Asker } from "../operators/operations.ts";
import { assertPatch, type Selection, selectionOf } from "../operators/selection.ts";
import { abortOf, PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** Tasks that a dry run over ids reads at a time. */
const LOOKUPS_AT_ONCE = 50;
/** A filter that reads more dead letters than this becomes an operation, which counts by itself. */
const SYNC_SCAN = 5_000;
/** How long the request waits for a small operation before it answers with the operation itself, ms. */
const SMALL_WAIT_MS = 5_000;

interface Matches {
  matched: number;
  scanned?: number;
  total?: number;
  /** False if only a part of them was read, so that there may be more. */
  isWhole: boolean;
}

/** Replay and discard. Small selections are done at once, large or paced ones become operations. */
export function deadLetterRoutes(app: HttpServer, context: RouteContext): void {
  const { observer, audit, operations, countReplayed, admitQueue } = context;

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
        throw new RequestError("invalid_argument", "body/patch and body/to exclude each other", [
          { path: "/patch", message: "excludes to", in: "body" },
        ]);
      const { isWhole, ...matches } = await matching(queue, selection, body.dryRun === true, abortOf(reply));
      if (body.dryRun) {
        return reply.code(200).send({ dryRun: true, ...matches, replayed: 0, skipped: 0 });
      }
      const by = authorOf(request);
      const mutation = { action: "dead_letters.replay" as const, queue, by, reason: body.reason };
      const admitTarget = async () => {
        if (body.to !== undefined && body.to !== queue) await admitQueue(body.to, request);
      };
      const isPaced = body.ratePerSecond !== undefined || body.canary !== undefined;
      const isSmall = isWhole && matches.matched <= SYNC_LIMIT && !isPaced;
      const to = body.to === undefined ? {} : { to: body.to };
      const how = {
        ...(body.patch ? { payloadText: body.patch.payloadText } : {}),
        ...(body.force ? { force: true } : {}),
      };
      if (isSmall && "ids" in selection) {
        const { count: _, ...result } = await audit.during(mutation, async () => {
          await admitTarget();
          return replayIds(queue, selection.ids, { ...to, ...how });
        });
        return reply.code(200).send({ dryRun: false, ...matches, ...result });
      }
      const { canary } = body;
      const spec = {
        ...{ kind: "replay" as const, queue, selection, ...to, ...how },
        ...(body.ratePerSecond === undefined ? {} : { ratePerSecond: body.ratePerSecond }),
        ...(canary ? { canary: { size: canary.size ?? 5, waitMs: canary.waitMs ?? 60_000 } } : {}),
        by: { ...by, reason: body.reason ?? null },
      };
      const { view } = await audit.during(mutation, async () => {
        await admitTarget();
        return begin(spec, matches.matched, request, isWhole, isSmall);
      });
      if (view.state !== "succeeded")
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      const { replayed = 0, skipped = 0 } = view.result;
      return reply.code(200).send({ dryRun: false, ...matches, replayed, skipped });
    },
  );

  app.post(
    "/v1/queues/:queue/dead-letters/discard",
    {
      schema: {
        tags: [TAGS.deadLetters],
        summary: "Discard dead letters",
        description: `Removes them; for ten minutes \`POST /v1/operations/:id/undo\` puts them back. Up to ${SYNC_LIMIT}: 200 with the result and the id of its operation. More, or with \`ratePerSecond\`: 202 with the operation.`,
        params: QueueParams,
        body: DiscardBody,
        response: { 200: DiscardReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { body } = request;
      const selection = selectionOf(body);
      const { isWhole, ...matches } = await matching(queue, selection, body.dryRun === true, abortOf(reply));
      if (body.dryRun) {
        return reply
          .code(200)
          .send({ dryRun: true, ...matches, discarded: 0, skipped: 0, operationId: null, undoUntil: null });
      }
      const by = authorOf(request);
      const mutation = { action: "dead_letters.discard" as const, queue, by, reason: body.reason };
      const spec = {
        kind: "discard" as const,
        queue,
        selection,
        ...(body.ratePerSecond === undefined ? {} : { ratePerSecond: body.ratePerSecond }),
        by: { ...by, reason: body.reason ?? null },
      };
      const isSmall = isWhole && matches.matched <= SYNC_LIMIT && body.ratePerSecond === undefined;
      const { view } = await audit.during(mutation, () =>
        begin(spec, matches.matched, request, isWhole, isSmall),
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

  /**
   * Ids are counted as given; only a dry run looks each of them up. A filter reads as many dead letters as it needs.
   */
  async function matching(
    queue: string,
    selection: Selection,
    isDryRun: boolean,
    signal: AbortSignal,
  ): Promise<Matches> {
    if ("filter" in selection) {
      const bounds = isDryRun ? {} : { matched: SYNC_LIMIT, scanned: SYNC_SCAN };
      return observer.matchDead(queue, selection.filter, { ...bounds, signal });
    }
    if (!isDryRun) {
      // An unknown queue is a 404, not an operation on nothing.
      await observer.stats(queue);
      return { matched: selection.ids.length, isWhole: true };
    }
    let matched = 0;
    for (let start = 0; start < selection.ids.length; start += LOOKUPS_AT_ONCE) {
      const slice = selection.ids.slice(start, start + LOOKUPS_AT_ONCE);
      const tasks = await Promise.all(slice.map((id) => observer.task(queue, id)));
      matched += tasks.filter((task) => task?.state === "dead").length;
    }
    return { matched, isWhole: true };
  }

  async function replayIds(queue: string, ids: string[], how: Parameters<Observer["replay"]>[2]) {
    const results = await observer.replay(queue, ids, how);
    for (const { outcome } of results) countReplayed(queue, outcome, 1);
    const replayed = results.filter(({ outcome }) => outcome === "replayed" || outcome === "moved").length;
    return { replayed, skipped: results.length - replayed, results, count: replayed };
  }

  /**
   * Starts an operation, and waits for it if it is small.
   * @throws HoldfastError conflict: a small operation failed
   */
  async function begin(
    spec: OperationSpec,
    total: number,
    request: Asker,
    isWhole: boolean,
    isSmall: boolean,
  ) {
    const begun = await operations.start(spec, total, request, isWhole);
    const view = isSmall ? await operations.settled(begun, SMALL_WAIT_MS) : begun;
    if (isSmall && view.state === "failed")
      throw new HoldfastError("conflict", view.error ?? `operation ${view.id} failed`);
    return { count: total, operationId: view.id, view };
  }
}

import {
  DiscardBody,
  DiscardReply,
  OperationView,
  QueueParams,
  ReplayBody,
  ReplayReply,
  SYNC_LIMIT,
} from "@holdfast/contracts/api";
import { type HttpServer, sliceJson } from "@holdfast/service";
import type { DeadLetterFilter } from "holdfast";
import type { Mutation } from "../operators/audit-log.ts";
import type { OperationWork } from "../operators/operations.ts";
import { assertPatch, inBatches, type Selection, selectionOf } from "../operators/selection.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** Task views read at a time for a dry run over ids. */
const LOOKUPS_AT_ONCE = 50;

/** Replay and discard: small selections at once, large or paced ones as operations. */
export function deadLetterRoutes(app: HttpServer, context: RouteContext): void {
  const { observer, audit, operations, countReplayed } = context;

  app.post(
    "/v1/queues/:queue/dead-letters/replay",
    {
      schema: {
        tags: [TAGS.deadLetters],
        summary: "Replay dead letters",
        description: `Puts them back with attempts at zero and their history kept. Up to ${SYNC_LIMIT}: 200 with the result. More, or with \`ratePerSecond\`: 202 with an operation. \`dryRun\` counts only; \`patch\` replaces the payload of one task; \`to\` sends them into another queue.`,
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
      // Reads it once: the text must be one JSON value within the depth limit.
      if (body.patch) sliceJson(body.patch.payloadText);
      const matched = await countMatches(queue, selection, body.dryRun === true);
      if (body.dryRun) {
        return reply.code(200).send({ dryRun: true, matched, replayed: 0, skipped: 0 });
      }
      const mutation = mutationOf("dead_letters.replay", queue, request.id, body.reason);
      if (matched > SYNC_LIMIT || body.ratePerSecond !== undefined || body.canary !== undefined) {
        const view = await startOperation("replay", mutation, matched, replayWork(queue, selection, body));
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      }
      const result = await audit.during(mutation, async () => {
        const result = await replayNow(queue, selection, body);
        return { ...result, count: result.replayed };
      });
      const { count, ...counts } = result;
      return reply.code(200).send({ dryRun: false, matched, ...counts });
    },
  );

  app.post(
    "/v1/queues/:queue/dead-letters/discard",
    {
      schema: {
        tags: [TAGS.deadLetters],
        summary: "Discard dead letters",
        description: `Removes them for good. Up to ${SYNC_LIMIT}: 200 with the result. More: 202 with an operation.`,
        params: QueueParams,
        body: DiscardBody,
        response: { 200: DiscardReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { body } = request;
      const selection = selectionOf(body);
      const matched = await countMatches(queue, selection, body.dryRun === true);
      if (body.dryRun) {
        return reply.code(200).send({
          dryRun: true,
          matched,
          discarded: 0,
          skipped: 0,
          operationId: null,
          undoUntil: null,
        });
      }
      const mutation = mutationOf("dead_letters.discard", queue, request.id, body.reason);
      if (matched > SYNC_LIMIT) {
        const view = await startOperation("discard", mutation, matched, discardWork(queue, selection));
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      }
      const result = await audit.during(mutation, async () => {
        const result = await discardNow(queue, selection);
        return { ...result, count: result.discarded };
      });
      const { count, ...counts } = result;
      return reply.code(200).send({ dryRun: false, matched, ...counts, operationId: null, undoUntil: null });
    },
  );

  /** Ids count as named; only a dry run looks each of them up. */
  async function countMatches(queue: string, selection: Selection, exact: boolean): Promise<number> {
    if ("filter" in selection) return observer.countDead(queue, selection.filter);
    if (!exact) return selection.ids.length;
    let dead = 0;
    for (let start = 0; start < selection.ids.length; start += LOOKUPS_AT_ONCE) {
      const slice = selection.ids.slice(start, start + LOOKUPS_AT_ONCE);
      const tasks = await Promise.all(slice.map((id) => observer.task(queue, id)));
      dead += tasks.filter((task) => task?.state === "dead").length;
    }
    return dead;
  }

  async function replayNow(queue: string, selection: Selection, body: ReplayBody) {
    if ("filter" in selection) return replayMatching(queue, selection.filter, body, {});
    const results = await observer.replay(queue, selection.ids, {
      ...(body.to === undefined ? {} : { to: body.to }),
      ...(body.patch ? { payloadText: body.patch.payloadText } : {}),
    });
    return { ...countResults(queue, results), results };
  }

  async function replayMatching(
    queue: string,
    filter: DeadLetterFilter,
    body: ReplayBody,
    control: Partial<Parameters<OperationWork>[0]>,
  ) {
    const { progress } = control;
    const counts = await observer.replayAll(queue, filter, {
      ...(body.to === undefined ? {} : { to: body.to }),
      ...(body.ratePerSecond === undefined ? {} : { ratePerSecond: body.ratePerSecond }),
      ...(control.signal ? { signal: control.signal } : {}),
      ...(progress ? { onProgress: ({ done, total }) => progress(done, total) } : {}),
    });
    countReplayed(queue, body.to === undefined ? "replayed" : "moved", counts.replayed);
    countReplayed(queue, "skipped", counts.skipped);
    return counts;
  }

  function replayWork(queue: string, selection: Selection, body: ReplayBody): OperationWork {
    return async (control) => {
      if ("filter" in selection) return { ...(await replayMatching(queue, selection.filter, body, control)) };
      const sum = { replayed: 0, skipped: 0 };
      const { signal } = control;
      await inBatches(selection.ids, { ratePerSecond: body.ratePerSecond, signal }, async (ids) => {
        const counts = await replayNow(queue, { ids }, body);
        sum.replayed += counts.replayed;
        sum.skipped += counts.skipped;
        control.progress(sum.replayed + sum.skipped);
      });
      return sum;
    };
  }

  function countResults(queue: string, results: Awaited<ReturnType<typeof observer.replay>>) {
    for (const { outcome } of results) countReplayed(queue, outcome, 1);
    const replayed = results.filter(({ outcome }) => outcome === "replayed" || outcome === "moved").length;
    return { replayed, skipped: results.length - replayed };
  }

  async function discardNow(queue: string, selection: Selection) {
    if ("filter" in selection) return observer.discardAll(queue, selection.filter);
    const results = await observer.discard(queue, selection.ids);
    const discarded = results.filter(({ outcome }) => outcome === "discarded").length;
    return { discarded, skipped: results.length - discarded, results };
  }

  function discardWork(queue: string, selection: Selection): OperationWork {
    return async ({ signal, progress }) => {
      if ("filter" in selection) {
        return {
          ...(await observer.discardAll(queue, selection.filter, {
            signal,
            onProgress: ({ done, total }) => progress(done, total),
          })),
        };
      }
      const sum = { discarded: 0, skipped: 0 };
      await inBatches(selection.ids, { signal }, async (ids) => {
        const counts = await discardNow(queue, { ids });
        sum.discarded += counts.discarded;
        sum.skipped += counts.skipped;
        progress(sum.discarded + sum.skipped);
      });
      return sum;
    };
  }

  async function startOperation(
    kind: "replay" | "discard",
    mutation: Mutation & { queue: string },
    total: number,
    work: OperationWork,
  ): Promise<OperationView> {
    const { view } = await audit.during(mutation, async () => {
      const view = operations.start({ kind, queue: mutation.queue, total }, work, (end) =>
        audit.operationEnded(mutation, end),
      );
      return { count: total, operationId: view.id, view };
    });
    return view;
  }
}

function mutationOf(
  action: Mutation["action"],
  queue: string,
  requestId: string,
  reason: string | undefined,
): Mutation & { queue: string } {
  return { action, queue, requestId, reason };
}

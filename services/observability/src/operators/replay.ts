import { type ReplayBody, type ReplayReply, SYNC_LIMIT } from "@holdfast/contracts/api";
import type { FastifyReply, FastifyRequest } from "fastify";
import { abortOf, type RouteContext } from "../routes/context.ts";
import { authorOf } from "./audit-log.ts";
import { begin, matching } from "./bulk.ts";
import { type Selection, subjectOf } from "./selection.ts";

/**
 * Answers a request for a replay. A few tasks are replayed within the request. For many tasks, or at a given rate,
 * the replay becomes an operation.
 */
export async function replayDead(
  { observer, audit, operations, countReplayed, admitQueue }: RouteContext,
  { queue, selection }: { queue: string; selection: Selection },
  body: Omit<ReplayBody, "ids" | "filter" | "query" | "all">,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { isWhole, ...matches } = await matching(observer, queue, selection, {
    ...{ state: "dead", isDryRun: body.dryRun === true, signal: abortOf(reply) },
  });
  const send = (answer: Pick<ReplayReply, "replayed" | "skipped" | "results">) =>
    reply.code(200).send({ dryRun: body.dryRun === true, ...matches, ...answer });
  if (body.dryRun) return send({ replayed: 0, skipped: 0 });

  const { to, reason, ratePerSecond, canary, patch, force } = body;
  const by = authorOf(request);
  const mutation = {
    ...{ action: "dead_letters.replay" as const, queue, by, reason, subject: subjectOf(selection) },
  };
  const admitTarget = async () => {
    if (to !== undefined && to !== queue) await admitQueue(to, request);
  };
  const isSmall =
    isWhole && matches.matched <= SYNC_LIMIT && ratePerSecond === undefined && canary === undefined;
  const how = {
    ...(to === undefined ? {} : { to }),
    ...(patch ? { payloadText: patch.payloadText } : {}),
    ...(force ? { force: true } : {}),
  };
  if (isSmall && "ids" in selection) {
    const { count, results } = await audit.during(mutation, async () => {
      await admitTarget();
      const results = await observer.replay(queue, selection.ids, how);
      for (const { outcome } of results) countReplayed(queue, outcome, 1);
      const moved = results.filter(({ outcome }) => outcome === "replayed" || outcome === "moved");
      return { count: moved.length, results };
    });
    return send({ replayed: count, skipped: results.length - count, results });
  }
  const spec = {
    ...{ kind: "replay" as const, queue, selection, ...how },
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    ...(canary ? { canary: { size: canary.size ?? 5, waitMs: canary.waitMs ?? 60_000 } } : {}),
    by: { ...by, reason: reason ?? null },
  };
  const { view } = await audit.during(mutation, async () => {
    await admitTarget();
    return begin(operations, spec, { total: matches.matched, isWhole, isSmall }, request);
  });
  if (view.state !== "succeeded")
    return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
  const { replayed = 0, skipped = 0 } = view.result;
  return send({ replayed, skipped });
}

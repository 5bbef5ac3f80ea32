import type { StaleVerdict } from "@holdfast/contracts";
import type { Parts } from "../partitions/parts.ts";
import type { Engine } from "./engine.ts";
import { ENVELOPE_SCHEDULED } from "./format.ts";
import { decodeRecord } from "./record.ts";

/** A queue keeps at most this many reports, the newest ones. */
export const STALE_KEPT = 1_000;

/** What a worker knows about a verdict that Redis refused as stale, because the lease was lost. */
export interface StaleReport {
  id: string;
  queue: string;
  token: string;
  attempt: number;
  workerId: string;
  type: string;
}

/**
 * Stores that a verdict came too late: how long the attempt ran after it had lost its lease, and how long the next
 * attempt ran at the same time. If the report cannot be written, it is lost, because it is only for operators.
 */
export async function recordStale(engine: Engine, report: StaleReport): Promise<StaleVerdict> {
  const at = engine.connection.now();
  const [raw] = await engine.get([report.id]);
  const { history } = decodeRecord(raw?.record ?? "", raw?.envelope.startsWith(ENVELOPE_SCHEDULED) ?? false);
  const [fence] = report.token.split(".");
  const own = history.findIndex((attempt) => attempt.fence === fence);
  const endedAt = history[own]?.endedAt ?? null;
  const next = own < 0 ? undefined : history[own + 1];
  const lateMs = endedAt === null ? null : Math.max(0, at - endedAt);
  const verdict: StaleVerdict = {
    ...report,
    at,
    lateMs,
    // The two attempts ran at the same time until now, or until the next attempt ended.
    overlapMs: next ? Math.max(0, Math.min(at, next.endedAt ?? at) - next.startedAt) : 0,
    currentFence: history.at(-1)?.outcome === "running" ? (history.at(-1)?.fence ?? null) : null,
  };
  const key = engine.keys.staleVerdicts;
  const answers = await engine.connection.together([
    ["LPUSH", key, JSON.stringify(verdict)],
    ["LTRIM", key, 0, STALE_KEPT - 1],
  ]);
  for (const answer of answers) if (answer instanceof Error) throw answer;
  return verdict;
}

/** Returns the stored reports, newest first. */
export async function readStale({ queue, all }: Parts, limit: number): Promise<StaleVerdict[]> {
  const lines = await Promise.all(
    all.map(({ engine: { connection, keys } }) =>
      connection.command<string[]>("LRANGE", keys.staleVerdicts, 0, limit - 1),
    ),
  );
  const verdicts = lines.flat().map((line): StaleVerdict => ({ ...JSON.parse(line), queue }));
  if (all.length > 1) verdicts.sort((a, b) => b.at - a.at);
  return verdicts.slice(0, limit);
}

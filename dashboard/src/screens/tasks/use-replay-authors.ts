import type { TaskView } from "@holdfast/contracts";
import type { AuditRecord } from "@holdfast/contracts/api";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { replayRecordsQuery } from "../../api/audit.ts";

/** Who replayed a task, according to the audit log. */
export interface ReplayAuthor {
  actor: string;
  reason: string | null;
  /** How many tasks the action replayed. */
  count: number;
}

/** The most by which the time of an audit record can differ from the time of its replay, ms. */
const LATER_MS = 5_000;

/**
 * Finds the audit record of a replay. If one task was replayed, the record names it. If several tasks were replayed,
 * the record names none of them, so it is used only if there was no other such replay near that time.
 */
export function authorOfReplay(records: readonly AuditRecord[], id: string, at: number): ReplayAuthor | null {
  const near = records.filter(
    (record) =>
      (record.outcome === "succeeded" || record.outcome === "accepted") &&
      Math.abs(record.at - at) <= LATER_MS,
  );
  const own = near
    .filter(({ subject }) => subject === id)
    .sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at));
  const several = near.filter(({ subject }) => subject === null);
  const found = own[0] ?? (several.length === 1 ? several[0] : undefined);
  return found === undefined ? null : { actor: found.actor, reason: found.reason, count: found.count };
}

/** Returns who replayed a task: time of the replay -> author. */
export function useReplayAuthors({ queue, id, replays }: TaskView): ReadonlyMap<number, ReplayAuthor> {
  const [first, last] = [replays[0]?.at, replays.at(-1)?.at];
  const { data } = useQuery({
    ...replayRecordsQuery(queue, (first ?? 0) - LATER_MS, (last ?? 0) + LATER_MS),
    enabled: first !== undefined,
  });
  return useMemo(() => {
    const authors = new Map<number, ReplayAuthor>();
    for (const { at } of replays) {
      const author = authorOfReplay(data?.records ?? [], id, at);
      if (author !== null) authors.set(at, author);
    }
    return authors;
  }, [data, replays, id]);
}

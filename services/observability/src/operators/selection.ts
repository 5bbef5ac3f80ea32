import { LIMITS } from "@holdfast/contracts";
import type { DiscardBody, ReplayBody } from "@holdfast/contracts/api";
import { RequestError } from "@holdfast/service";
import type { DeadLetterFilter } from "holdfast";

const SUBJECT_CHARACTERS = 500;

/** The tasks that an operator selects. A filter without fields selects all of them. */
export type Selection = { ids: string[] } | { filter: DeadLetterFilter };

/** @throws RequestError unless exactly one of `ids`, `filter`, `query`, `all` is given. */
export function selectionOf(body: Pick<DiscardBody, "ids" | "filter" | "query" | "all">): Selection {
  const { ids, filter, query, all } = body;
  const given = [ids, filter, query, all].filter((value) => value !== undefined).length;
  if (given !== 1) throw invalid("", "needs exactly one of ids, filter, query, all");
  if (ids) return { ids };
  return { filter: query === undefined ? (filter ?? {}) : { query } };
}

/** Returns the subject of the audit record: the id if there is only one, the flow, or the query; null otherwise. */
export function subjectOf(selection: Selection): string | null {
  if ("ids" in selection) return selection.ids.length === 1 ? (selection.ids[0] ?? null) : null;
  const { flow, query } = selection.filter;
  return flow ?? query?.slice(0, SUBJECT_CHARACTERS) ?? null;
}

/**
 * @throws RequestError if the body has a patch but not exactly one id, or has an option that excludes a patch
 */
export function assertPatch(body: ReplayBody): void {
  if (!body.patch) return;
  if (body.ids?.length !== 1) throw invalid("/patch", "needs exactly one id in ids");
  if (Buffer.byteLength(body.patch.payloadText) > LIMITS.payloadBytes) {
    throw new RequestError("payload_too_large", `the payload is larger than ${LIMITS.payloadBytes} bytes`, [
      { path: "/patch/payloadText", message: `must be at most ${LIMITS.payloadBytes} bytes`, in: "body" },
    ]);
  }
}

function invalid(path: string, message: string): RequestError {
  return new RequestError("invalid_argument", `body${path} ${message}`, [{ path, message, in: "body" }]);
}

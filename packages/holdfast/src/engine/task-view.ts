import { keptUntil, type TaskState, type TaskView } from "@holdfast/contracts";
import { traceIdOf } from "../tracing/trace-context.ts";
import { decodeEnvelopeForDisplay } from "./envelope.ts";
import { ENVELOPE_SCHEDULED } from "./format.ts";
import { decodeRecord } from "./record.ts";
import type { RawTask } from "./replies.ts";
import { decodeLogLine } from "./text.ts";

/** Returns the flow of a node or callback, whose id begins with the flow, and its name in the flow. */
function flowOfTask(id: string, waitsFor: number, skippedBy: string | null): TaskView["flow"] {
  const [, flow = "", name = ""] = /^([\w-]+)[.:](.*)$/.exec(id) ?? [];
  return { id: flow, name, waitsFor, skippedBy: skippedBy === "-" ? null : skippedBy };
}

/** Decodes a task for display; null if there is none, or if only its id is remembered. */
export function taskView(queue: string, raw: RawTask): TaskView | null {
  if (raw.envelope === "") return null;
  const envelope = decodeEnvelopeForDisplay(raw.envelope);
  const record = decodeRecord(raw.record, raw.envelope.startsWith(ENVELOPE_SCHEDULED));
  if (record.state === "purged" || record.state === "discarded") return null;
  const state: TaskState = record.state;
  const [told = "", ...log] = raw.progress.split("\n");
  const [progress = "", checkpointBytes] = told.split("\t");
  const lines = log.map(decodeLogLine);
  const lastError = record.history.findLast((attempt) => attempt.error !== null)?.error ?? null;
  return {
    id: raw.id,
    queue,
    type: envelope.type,
    state,
    priority: envelope.priority,
    payloadText: envelope.payloadText,
    payloadBytes: Buffer.byteLength(envelope.payloadText),
    // JSON text is never empty, so "" means that the payload was not kept.
    payloadKept: envelope.keepPayload || envelope.payloadText !== "",
    resultText: state === "completed" && raw.result !== "" ? raw.result : null,
    attempts: record.attempts,
    failures: record.failures,
    crashes: record.crashes,
    releases: record.releases,
    generation: record.generation,
    diedAgain: state === "dead" && record.generation > 0,
    maxRetries: envelope.maxRetries,
    timeoutMs: envelope.timeoutMs,
    backoff: envelope.backoff,
    tags: envelope.tags,
    keep: envelope.keep,
    keptUntil: keptUntil(envelope.keep, state, record.endedAt),
    key: envelope.key,
    cost: envelope.cost,
    unique: envelope.unique && {
      ...envelope.unique,
      replaced: record.replaced,
      holder: raw.holder.split(" ")[0] || null,
    },
    schedule: envelope.schedule,
    flow: record.onDead && flowOfTask(raw.id, record.waitsFor, record.skippedBy),
    traceId: envelope.traceparent === null ? null : traceIdOf(envelope.traceparent),
    enqueuedAt: envelope.enqueuedAt,
    runAt: state === "scheduled" && raw.score !== "" ? Math.floor(Number(raw.score)) : envelope.runAt,
    expiresAt: envelope.expiresAt,
    leaseExpiresAt: state === "processing" && raw.score !== "" ? Number(raw.score) : null,
    endedAt: record.endedAt,
    workerId: record.workerId,
    fence: record.fence,
    cancelRequested: record.cancelRequested,
    solo: record.solo,
    unroutedSince: record.unroutedSince,
    waitsFor: record.wokenBy,
    deadReason: record.deadReason,
    signature: state === "dead" ? record.signature : null,
    lastError,
    progress: progress === "" ? null : progress,
    checkpointBytes: checkpointBytes === undefined ? null : Number(checkpointBytes),
    log: lines.map(({ text }) => text),
    logMarks: lines.map(({ at, level }) => ({ at, level })),
    history: record.history,
    replays: record.replays,
    changes: record.changes,
  };
}

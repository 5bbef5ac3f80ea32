import type {
  AttemptOutcome,
  AttemptView,
  ChangedField,
  ChangesView,
  DeadReason,
  FlowPolicy,
  Replacements,
  ReplayView,
  TaskState,
} from "@holdfast/contracts";

import * as format from "./format.ts";
import { decodeLine, decodeWord } from "./text.ts";

/** The decoded state record of a task. lua/lib/record.lua describes the text. */
export interface StateRecord {
  state: TaskState | "discarded" | "purged";
  attempts: number;
  failures: number;
  crashes: number;
  releases: number;
  generation: number;
  unroutedSince: number | null;
  /** How often a handler has handed the task back because of a rate limit. */
  limited: number;
  cancelRequested: boolean;
  /** Whether the handler has slept or waited for a signal. */
  suspended: boolean;
  solo: boolean;
  fence: string | null;
  grantedAt: number | null;
  deadline: number | null;
  maxAttempts: number | null;
  workerId: string | null;
  endedAt: number | null;
  dueAt: number | null;
  /** The events that end the wait of a suspended task, empty if it sleeps; null if the task is not suspended. */
  wokenBy: string[] | null;
  deadReason: DeadReason | null;
  /** The error signature under which a dead letter is counted; null if it is counted under none. */
  signature: string | null;
  history: AttemptView[];
  replays: ReplayView[];
  replaced: Replacements | null;
  changes: ChangesView | null;
  /** The policy `onDead` of a node of a flow; null for any other task. */
  onDead: FlowPolicy | null;
  /** How many nodes a waiting node waits for; 0 in any other state. */
  waitsFor: number;
  /** Why a node was skipped: the id of the failed node before it, or "-" for a cancelled flow; null otherwise. */
  skippedBy: string | null;
}

const STATES: Record<string, StateRecord["state"]> = {
  [format.RECORD_WAITING]: "waiting",
  [format.RECORD_PENDING]: "pending",
  // This node is on its way to another queue or partition.
  [format.RECORD_ELSEWHERE]: "pending",
  [format.RECORD_SCHEDULED]: "scheduled",
  [format.RECORD_PROCESSING]: "processing",
  [format.RECORD_COMPLETED]: "completed",
  [format.RECORD_DEAD]: "dead",
  [format.RECORD_CANCELLED]: "cancelled",
  [format.RECORD_EXPIRED]: "expired",
  [format.RECORD_DISCARDED]: "discarded",
  [format.RECORD_PURGED]: "purged",
};

export function stateOfLetter(letter: string): StateRecord["state"] {
  return STATES[letter] ?? "purged";
}

function decodeError(line: string): string | null {
  return line === "-" || line === "" ? null : decodeLine(line);
}

const TRACED = /^~(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}) /;

/** Puts the trace context of an attempt before its error, so that the next attempt can link to its span. */
export function tracedError(traceparent: string, error: string): string {
  return `~${traceparent} ${error}`;
}

function decodeAttempt(line: string): AttemptView {
  const [attempt, generation, outcome, startedAt, endedAt, workerId, fence, ...error] = line.split(" ");
  return {
    attempt: Number(attempt),
    generation: Number(generation),
    outcome: outcome as AttemptOutcome,
    startedAt: Number(startedAt),
    endedAt: Number(endedAt),
    workerId: workerId ?? "",
    fence: fence ?? "",
    error: decodeError(error.join(" ").replace(TRACED, "")),
  };
}

/** A history line with number 0 and the outcome "released" is a replay. No attempt has this number. */
const isReplay = (line: string) => /^0 \d+ released /.test(line);

function decodeReplay(line: string): ReplayView {
  const [, generation, , at] = line.split(" ");
  return { generation: Number(generation), at: Number(at) };
}

/** Matches the history line that counts how often an enqueue with the same unique key has replaced the task. */
const REPLACED = /^0 \d+ replaced (\d+) (\d+) (\S+) (\d+)/;

function decodeReplacements(lines: readonly string[]): Replacements | null {
  const [, firstAt, lastAt, by = "", count] = lines.map((line) => REPLACED.exec(line)).find(Boolean) ?? [];
  return count === undefined
    ? null
    : { count: Number(count), firstAt: Number(firstAt), lastAt: Number(lastAt), by };
}

/** Matches the history line that counts the changes that operators made to the task while it waited. */
const CHANGED = /^0 \d+ changed (\d+) (\d+) (\S+) (\d+) \S+ (\S+)/;

function decodeChanges(lines: readonly string[]): ChangesView | null {
  const [, firstAt, lastAt, by = "", count, fields] =
    lines.map((line) => CHANGED.exec(line)).find(Boolean) ?? [];
  if (fields === undefined) return null;
  const times = { firstAt: Number(firstAt), lastAt: Number(lastAt) };
  return { count: Number(count), ...times, by, fields: fields.split(",") as ChangedField[] };
}

function policyOf(flags: string): FlowPolicy | null {
  if (!flags.includes(format.FLAG_NODE)) return null;
  return flags.includes(format.FLAG_CONTINUE)
    ? "continue"
    : flags.includes(format.FLAG_HOLD)
      ? "hold"
      : "fail";
}

/** Decodes the counters of a granted task, as acquire returns them: "" for a first attempt without history. */
export function decodeCounts(text: string) {
  const parts = (/^[^@]+/.exec(text)?.[0] ?? "1").split(",");
  // If only attempts were counted, the flags may follow directly after the number.
  const [, attempts, ownFlags] = /^(\d*)(.*)$/.exec(parts[0] as string) as unknown as string[];
  // The counter `limited` is written before the flags, unless it is 0.
  const [flags = ownFlags ?? "", limited = "0"] = parts.splice(6).reverse();
  const [, failures = "0", crashes = "0", releases = "0", generation = "0", unroutedSince = "0"] = parts;
  return {
    attempts: Number(attempts),
    failures: Number(failures),
    crashes: Number(crashes),
    releases: Number(releases),
    generation: Number(generation),
    unroutedSince: unroutedSince === "0" ? null : Number(unroutedSince),
    limited: Number(limited),
    cancelRequested: flags.includes(format.FLAG_CANCEL),
    suspended: flags.includes(format.FLAG_SUSPENDED),
    solo: flags.includes(format.FLAG_ALONE) || Number(crashes) >= format.ALONE_FROM_CRASHES,
    onDead: policyOf(flags),
  };
}

/** Decodes `~<events>`, which the record of a sleeping or waiting task has. */
function wokenByOf(field: string | undefined): string[] | null {
  if (!field?.startsWith("~")) return null;
  return field.length === 1 ? [] : field.slice(1).split(",").map(decodeWord);
}

const WITH_HEADER = /^c\S+ \S+ (-?\d+) (\d+) \S+ (\S+) (-?\d+)([^\n]*)/;

/** Rebuilds the envelope of a completed task from the header in its record, without payload; "" if there is none. */
export function envelopeIn(record: string): string {
  const match = WITH_HEADER.exec(record);
  if (match === null) return "";
  const [, ranMs, endedAt, type, waitedMs, options] = match;
  const enqueuedAt = Number(endedAt) - Number(ranMs) - Number(waitedMs);
  return `+${type} ${enqueuedAt.toString(36)}${options} k=0\n`;
}

/** Decodes a state record. @param envelopeIsScheduled decides the state of a task that has no record */
export function decodeRecord(text: string, envelopeIsScheduled: boolean): StateRecord {
  const none = {
    fence: null,
    grantedAt: null,
    deadline: null,
    maxAttempts: null,
    workerId: null,
    endedAt: null,
    dueAt: null,
    wokenBy: null,
    deadReason: null,
    signature: null,
    waitsFor: 0,
    skippedBy: null,
  };
  if (text === "") {
    return {
      state: envelopeIsScheduled ? "scheduled" : "pending",
      ...decodeCounts("0"),
      ...none,
      history: [],
      replays: [],
      replaced: null,
      changes: null,
    };
  }
  const [head = "", ...lines] = text.split("\n");
  const [first = "", ...fields] = head.split(" ");
  const state = stateOfLetter(first.charAt(0));
  const counts = decodeCounts(first.slice(1) || "0");
  const record: StateRecord = {
    state,
    ...counts,
    ...none,
    history: lines
      .filter((line) => !isReplay(line) && !REPLACED.test(line) && !CHANGED.test(line))
      .map(decodeAttempt),
    replays: lines.filter(isReplay).map(decodeReplay),
    replaced: decodeReplacements(lines),
    changes: decodeChanges(lines),
  };
  const number = (at: number) => (fields[at] === undefined ? null : Number(fields[at]));
  const current = (outcome: AttemptOutcome, endedAt: number | null): AttemptView => ({
    attempt: record.attempts,
    generation: record.generation,
    outcome,
    startedAt: record.grantedAt ?? 0,
    endedAt,
    workerId: record.workerId ?? "",
    fence: record.fence ?? "",
    error: null,
  });
  switch (state) {
    case "processing":
      record.fence = fields[0] ?? null;
      record.grantedAt = number(1);
      record.deadline = number(2);
      record.maxAttempts = number(3);
      record.workerId = fields[4] ?? null;
      record.history.push(current("running", null));
      break;
    case "completed":
      record.fence = fields[0] ?? null;
      record.endedAt = number(2);
      record.grantedAt = (record.endedAt ?? 0) - (number(1) ?? 0);
      record.workerId = fields[3] ?? null;
      record.history.push(current("acked", record.endedAt));
      break;
    case "dead":
    case "discarded":
      record.endedAt = number(0);
      record.deadReason = (fields[1] ?? null) as DeadReason | null;
      record.signature = /^!(.+)/.exec(fields[2] ?? "")?.[1] ?? null;
      break;
    case "cancelled":
    case "expired":
      record.endedAt = number(0);
      record.skippedBy = state === "cancelled" ? (fields[1] ?? null) : null;
      break;
    case "waiting":
      record.waitsFor = number(0) ?? 0;
      break;
    case "scheduled":
      record.dueAt = number(0);
      record.wokenBy = wokenByOf(fields[1]);
      break;
  }
  return record;
}

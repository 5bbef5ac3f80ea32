import {
  FLOW_MOMENTS,
  type FlowCounts,
  type FlowMoment,
  type FlowNodeView,
  type FlowView,
  type TaskState,
} from "@holdfast/contracts";
import * as format from "./format.ts";
import { queueOfPartition } from "./names.ts";
import { decodeRecord, stateOfLetter } from "./record.ts";

const numbersOf = (text: string) => text.split(" ").map(Number);

/** Parses the field `#flows` of a queue (lua/lib/flows.lua); "" for a queue without flows. */
export function flowTotals(text: string): { waiting: number; made: number; running: number } {
  const [waiting = 0, , made = 0, , , , running = 0] = text === "" ? [] : numbersOf(text);
  return { waiting, made, running };
}

const MOMENT_LETTERS: Record<FlowMoment, string> = { dead: "D", cancelled: "X", success: "S", done: "N" };

/** Parses the field `%<flow>`, the state of a flow. @param moments letters of the callbacks that the flow has */
export function flowView(queue: string, id: string, text: string, moments: string): FlowView {
  const [letters = "", ...words] = text.split(" ");
  const [
    total = 0,
    waiting = 0,
    completed = 0,
    dead = 0,
    cancelled = 0,
    expired = 0,
    skipped = 0,
    faults = 0,
  ] = words.map(Number);
  const [, , createdAt = 0, sealBy = 0, endedAt = 0] = words.slice(8).map(Number);
  const has = (letter: string) => letters.includes(letter);
  const hasEnded = endedAt > 0;
  const active = total - waiting - completed - dead - cancelled - expired - skipped;
  const counts: FlowCounts = { total, waiting, active, completed, dead, cancelled, expired, skipped };
  return {
    id,
    queue,
    state: hasEnded ? "ended" : has("s") ? "running" : "open",
    outcome: !hasEnded ? null : has("x") ? "cancelled" : faults === 0 ? "success" : "failed",
    cancelRequested: has("x"),
    counts,
    createdAt,
    sealBy: has("s") ? null : sealBy,
    endedAt: hasEnded ? endedAt : null,
    callbacks: FLOW_MOMENTS.filter((moment) => moments.split(" ").includes(moment)).map((moment) => ({
      moment,
      taskId: `${id}:${moment}`,
      enqueued: has(MOMENT_LETTERS[moment]),
    })),
  };
}

/** A node as stored: its state record, first line of its envelope, result, and the names in its `after`. */
export interface RawNode {
  name: string;
  record: string;
  header: string;
  result: string;
  after: string;
  /** The queue or partition that has the node, if it is not the one in which the flow was created. */
  part?: string;
}

const POLICIES = { f: "fail", c: "continue", w: "hold" } as const;
const PURGED = /^r (\S+) \S+ \S+ - (\w) (\w+)/;

/** Decodes a node. @param queue the queue in which the flow was created */
export function nodeView(queue: string, flow: string, raw: RawNode): FlowNodeView {
  const record = decodeRecord(raw.record, raw.header.startsWith(format.ENVELOPE_SCHEDULED));
  const [, purgedEnd, letter, flags = ""] = PURGED.exec(raw.record) ?? [];
  const policy = /[cw]/.exec(flags)?.[0] as keyof typeof POLICIES | undefined;
  const after = raw.after.split(" ").filter((name) => name !== "");
  return {
    name: raw.name,
    id: `${flow}.${raw.name}`,
    queue: raw.part === undefined ? queue : (queueOfPartition(raw.part) ?? raw.part),
    type: raw.header === "" ? null : typeOf(raw.header),
    state: placeOfRecord(raw.record)?.state ?? stateOf(letter ?? raw.record.charAt(0), letter !== undefined),
    onDead: record.onDead ?? POLICIES[policy ?? "f"],
    after,
    waitsFor: record.waitsFor,
    startedAt: record.grantedAt,
    endedAt: purgedEnd === undefined ? record.endedAt : Number(purgedEnd),
    skippedBy: record.skippedBy === "-" ? null : record.skippedBy,
    resultText: raw.result === "" ? null : raw.result,
  };
}

const ELSEWHERE = /^o\S+ (\S+) (\S)$/;
const MARKED: Record<string, TaskState> = { c: "completed", d: "dead", k: "dead", g: "dead", e: "expired" };

/**
 * Parses the record that a flow keeps of a node in another queue or partition: where the node is, and the state in
 * which it ended there ("pending" until then). Returns null if the node is in the same place as its flow.
 */
export function placeOfRecord(record: string): { part: string; state: TaskState } | null {
  const [, part, mark = ""] = ELSEWHERE.exec(record) ?? [];
  return part === undefined
    ? null
    : { part, state: mark === "-" ? "pending" : (MARKED[mark] ?? "cancelled") };
}

/** Returns the state of a node. "discarded" becomes "dead"; a node that an operator removed becomes "cancelled". */
function stateOf(letter: string, isPurged: boolean): TaskState {
  const state = stateOfLetter(letter);
  if (state === "discarded") return "dead";
  const isEmptied = isPurged && (state === "pending" || state === "scheduled");
  return state === "purged" || isEmptied ? "cancelled" : state;
}

function typeOf(header: string): string | null {
  const [first = ""] = header.split(" ");
  // An envelope begins with a flag. A header from the record, of a task without its payload, does not.
  return /^[.+@&]/.test(first) ? first.slice(1) : first;
}

import type { TaskEventType } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import * as format from "./format.ts";
import { type RawTask, rawTasks } from "./replies.ts";

/** The event types by their letters in lua/lib/format.lua. A completed task with a result has a letter of its own. */
const TYPES: Readonly<Record<string, TaskEventType>> = {
  [format.EVENT_ENQUEUED]: "enqueued",
  [format.EVENT_SCHEDULED]: "scheduled",
  [format.EVENT_REPLACED]: "replaced",
  [format.EVENT_CHANGED]: "changed",
  [format.EVENT_WAITING]: "waiting",
  [format.EVENT_PROMOTED]: "promoted",
  [format.EVENT_STARTED]: "started",
  [format.EVENT_COMPLETED]: "completed",
  [format.EVENT_RESULT]: "completed",
  [format.EVENT_RETRIED]: "retried",
  [format.EVENT_RELEASED]: "released",
  [format.EVENT_REAPED]: "reaped",
  [format.EVENT_DEAD]: "dead",
  [format.EVENT_CANCELLED]: "cancelled",
  [format.EVENT_EXPIRED]: "expired",
  [format.EVENT_REPLAYED]: "replayed",
  [format.EVENT_DISCARDED]: "discarded",
  [format.EVENT_RESTORED]: "restored",
  [format.EVENT_REMOVED]: "removed",
  [format.EVENT_FLOW_ENDED]: "flow_ended",
};

/** Events of the same kind from one script call, with the tasks or flows to which they happened. */
export interface EventGroup {
  /** Undefined if this version does not know the type. Such events count too, so that the numbers have no gap. */
  type: TaskEventType | undefined;
  /** For `started` the worker, for `dead` the reason, for `flow_ended` the outcome; otherwise "". */
  detail: string;
  hasResult: boolean;
  ids: string[];
}

/** One entry of the Redis stream: all events of one script call. */
export interface EventEntry {
  first: number;
  at: number;
  groups: EventGroup[];
  count: number;
}

/** What one read of the stream returned, and where the stream ends. */
export interface EventsRead {
  /** Identifies the stream: the time at which the queue began to keep events, for the first time or again. */
  life: string;
  /** The number of the newest event of the queue. */
  last: number;
  entries: EventEntry[];
}

/** The position in the event stream at the moment of a reply. */
export type EventsMark = Pick<EventsRead, "life" | "last">;

type RawEntry = [id: string, fields: string[]];

function entryOf([id, fields]: RawEntry): EventEntry {
  const groups: EventGroup[] = [];
  let count = 0;
  for (let at = 2; at + 1 < fields.length; at += 2) {
    const name = fields[at] as string;
    const letter = name.charAt(0);
    const ids = (fields[at + 1] as string).split(" ");
    count += ids.length;
    groups.push({
      type: TYPES[letter],
      detail: name.slice(1),
      hasResult: letter === format.EVENT_RESULT,
      ids,
    });
  }
  return { first: Number(id.split("-", 1)[0]), at: Number(fields[1]), groups, count };
}

/** Reads entries of the stream. @param from the number of the first event of an entry; null to read no entry */
export async function readEvents(
  engine: Engine,
  from: number | null,
  limit: number,
): Promise<EventsRead | null> {
  const args = { from: from === null ? "" : String(from), limit };
  const [maxEvents, life, last, entries] = await engine.connection.script<
    scripts.EventsArgs,
    [maxEvents: number, life: string, last: number, entries: RawEntry[]]
  >(scripts.eventsScript, engine.keys, args);
  return maxEvents === 0 ? null : { life, last, entries: entries.map(entryOf) };
}

/** Reads at most 100 tasks, and the position in the event stream at that moment; null if the queue keeps no events. */
export async function tasksWithMark(
  engine: Engine,
  ids: readonly string[],
): Promise<{ tasks: RawTask[]; mark: EventsMark | null }> {
  const reply = await engine.connection.script<scripts.GetArgs, string[]>(scripts.getScript, engine.keys, {
    tail: ids,
  });
  const [last, life] = (reply[6 * ids.length] ?? "").split(" ");
  return {
    tasks: rawTasks(ids, reply),
    mark: life === undefined ? null : { life, last: Number(last) },
  };
}

/** Reads the results of tasks, as JSON texts; null for a task without a result. */
export function resultsOf(engine: Engine, ids: readonly string[]): Promise<(string | null)[]> {
  return engine.connection.command("HMGET", engine.keys.results, ...ids);
}

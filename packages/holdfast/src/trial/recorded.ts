import { LIMITS, type ListedState } from "@holdfast/contracts";
import { decodeEnvelopeForDisplay, type Envelope } from "../engine/envelope.ts";
import { ENVELOPE_SCHEDULED } from "../engine/format.ts";
import { decodeRecord, type StateRecord } from "../engine/record.ts";
import { INDEXES, nextPageSize } from "../observer/task-list.ts";
import type { Part, Parts } from "../partitions/parts.ts";
import type { Arrival } from "./simulate.ts";

/** At most this many completed tasks are read, and as many waiting ones. */
const TRIAL_TASKS = 10_000;

/** A recorded task that arrived, and how long it waited in reality. */
export interface RecordedArrival extends Arrival {
  /** How long the task waited, ms; null if it still waits. */
  waited: number | null;
  /**
   * Whether this is a retry. The wait of a retry is not used: its arrival is the time of its grant, because its backoff
   * is not recorded.
   */
  isRetry: boolean;
}

export interface Recorded {
  /** The arrivals, sorted by `at`. */
  arrivals: RecordedArrival[];
  completed: number;
  waiting: number;
  isCut: boolean;
  /** When the last completed task ended, ms since the epoch. */
  endedAt: number;
}

interface Told {
  envelope: Envelope;
  record: StateRecord;
}

/** Reads the tasks that a trial simulates: the newest completed tasks of a queue, and the tasks that wait now. */
export async function readRecorded(parts: Parts): Promise<Recorded> {
  const most = Math.floor(TRIAL_TASKS / parts.all.length);
  const [ended, pending] = await Promise.all([
    Promise.all(parts.all.map((part) => tell(part, "completed", most))),
    Promise.all(parts.all.map((part) => tell(part, "pending", most))),
  ]);
  return recordedOf(
    ended.flatMap(({ tasks }) => tasks),
    pending.flatMap(({ tasks }) => tasks),
    [...ended, ...pending].some(({ isCut }) => isCut),
  );
}

async function tell(
  { engine }: Part,
  state: ListedState,
  most: number,
): Promise<{ tasks: Told[]; isCut: boolean }> {
  const tasks: Told[] = [];
  let pageSize: number = LIMITS.pageTasks;
  for (const [index, order] of INDEXES[state]) {
    for (let after = ""; ; ) {
      const page = await engine.list(index, order, after, Math.min(most - tasks.length, pageSize));
      const found = await engine.get(page.ids);
      for (const { envelope, record } of found) {
        if (envelope === "") continue;
        const decoded = decodeRecord(record, envelope.startsWith(ENVELOPE_SCHEDULED));
        if (decoded.state === state)
          tasks.push({ envelope: decodeEnvelopeForDisplay(envelope), record: decoded });
      }
      pageSize = nextPageSize(found, pageSize);
      after = page.cursor;
      if (tasks.length >= most) return { tasks, isCut: after !== "" };
      if (after === "") break;
    }
  }
  return { tasks, isCut: false };
}

/** Returns when the first attempt of the present generation could start. */
function readyAt({ envelope, record }: Told): number {
  const replayedAt = record.replays.find(({ generation }) => generation === record.generation)?.at;
  return replayedAt ?? Math.max(envelope.enqueuedAt + (envelope.delayMs ?? 0), envelope.runAt ?? 0);
}

/** Makes arrivals of recorded tasks. Waiting tasks get the mean run time of their type. */
export function recordedOf(ended: readonly Told[], pending: readonly Told[], isCut: boolean): Recorded {
  const arrivals: RecordedArrival[] = [];
  const runs = new Map<string, { sum: number; count: number }>();
  let endedAt = 0;
  for (const told of ended) {
    const { type, key, cost, priority } = told.envelope;
    for (const { attempt, generation, startedAt, endedAt: end } of told.record.history) {
      if (generation !== told.record.generation || end === null) continue;
      const isRetry = attempt > 1;
      const at = isRetry ? startedAt : Math.min(readyAt(told), startedAt);
      // Not below 0, because the clock of Redis may have been set back meanwhile.
      const runMs = Math.max(0, end - startedAt);
      arrivals.push({ at, runMs, key, cost, priority, waited: startedAt - at, isRetry });
      for (const name of [type, ANY_TYPE]) {
        const run = runs.get(name) ?? { sum: 0, count: 0 };
        runs.set(name, { sum: run.sum + runMs, count: run.count + 1 });
      }
      endedAt = Math.max(endedAt, end);
    }
  }
  for (const told of pending) {
    const { type, key, cost, priority } = told.envelope;
    const run = runs.get(type) ?? runs.get(ANY_TYPE);
    const last = told.record.history.at(-1)?.endedAt ?? null;
    arrivals.push({
      at: last ?? readyAt(told),
      runMs: run ? Math.round(run.sum / run.count) : 0,
      ...{ key, cost, priority, waited: null, isRetry: last !== null },
    });
  }
  arrivals.sort((a, b) => a.at - b.at);
  return { arrivals, completed: ended.length, waiting: pending.length, isCut, endedAt };
}

/** A name for all types together, which no type has. */
const ANY_TYPE = "";

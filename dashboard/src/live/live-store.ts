import type { QueueStats, WorkerView } from "@holdfast/contracts";
import type { QueueRates, StreamMessage } from "@holdfast/contracts/api";
import type { OperationView } from "../api/operations.ts";
import { append, type Sample, toSample } from "./history.ts";

/** The figures on the screen, from the socket or from polling. */
export interface LiveFigures {
  queues: QueueStats[] | null;
  queuesTotal: number;
  /** The number of dead letters in all queues, including queues that the stream leaves out. */
  deadTotal: number;
  rates: Record<string, QueueRates>;
  workers: WorkerView[] | null;
  operations: OperationView[];
  redisUp: boolean;
  /** When Redis last answered, ms by its clock; null if unknown. */
  sampledAt: number | null;
  /** The time of Redis minus the time of the browser, ms. Ages on the screen are measured by the clock of Redis. */
  clockOffsetMs: number;
  history: Record<string, readonly Sample[]>;
}

export const emptyFigures: LiveFigures = {
  queues: null,
  queuesTotal: 0,
  deadTotal: 0,
  rates: {},
  workers: null,
  operations: [],
  redisUp: true,
  sampledAt: null,
  clockOffsetMs: 0,
  history: {},
};

export function applyMessage(state: LiveFigures, message: StreamMessage, now: number): LiveFigures {
  return {
    queues: message.queues,
    queuesTotal: message.queuesTotal ?? message.queues.length,
    deadTotal: message.deadTotal ?? deadOf(message.queues),
    rates: message.rates ?? {},
    workers: message.workers ?? null,
    operations: mergeOperations(state.operations, message.operations ?? []),
    redisUp: message.redisUp,
    sampledAt: message.sampledAt ?? message.at,
    clockOffsetMs: message.at - now,
    history: message.redisUp ? grow(state.history, message.queues) : state.history,
  };
}

export function applyPoll(
  state: LiveFigures,
  queues: QueueStats[],
  rates: Record<string, QueueRates>,
  workers: WorkerView[],
  now: number,
): LiveFigures {
  const at = queues.reduce((latest, queue) => Math.max(latest, queue.at), 0);
  return {
    ...state,
    queues,
    queuesTotal: queues.length,
    deadTotal: deadOf(queues),
    rates,
    workers,
    redisUp: true,
    sampledAt: at === 0 ? null : at,
    clockOffsetMs: at === 0 ? state.clockOffsetMs : at - now,
    history: grow(state.history, queues),
  };
}

const deadOf = (queues: readonly QueueStats[]) => queues.reduce((sum, { dead }) => sum + dead, 0);

/** Adds an operation that this browser has just started, before the stream reports it. */
export function upsertOperation(operations: OperationView[], operation: OperationView): OperationView[] {
  return [operation, ...operations.filter(({ id }) => id !== operation.id)];
}

function mergeOperations(known: OperationView[], told: OperationView[]): OperationView[] {
  const ids = new Set(told.map(({ id }) => id));
  return [...told, ...known.filter(({ id }) => !ids.has(id))].slice(0, 50);
}

function grow(history: LiveFigures["history"], queues: QueueStats[]): LiveFigures["history"] {
  return Object.fromEntries(
    queues.map((stats) => [stats.queue, append(history[stats.queue] ?? [], toSample(stats))]),
  );
}

import type { DiscardReply, OperationView, ReplayReply } from "@holdfast/contracts/api";
import { api, given } from "./client.ts";

/** Selects the dead letters that an action changes. */
export type DeadLetterTarget = { ids: string[] } | { query: string } | { all: true };

export interface ReplayOptions {
  /** The queue to replay into. @default the queue of the dead letters */
  to?: string | undefined;
  ratePerSecond?: number | undefined;
  canary?: { size: number } | undefined;
  /** The new payload as exact JSON text. It is possible only for a single task. */
  patch?: { payloadText: string } | undefined;
  /** Whether to replay tasks whose unique key another task holds. */
  force?: boolean | undefined;
  reason?: string | undefined;
}

/** The answer to an action on several tasks: the result if there are few, or an operation if there are many. */
export type BulkAnswer =
  | {
      done: number;
      skipped: number;
      /** The id of the operation with which the action can be undone. */
      operationId?: string;
    }
  | { operation: OperationView };

export const replayDeadLetters = async (
  queue: string,
  target: DeadLetterTarget,
  options: ReplayOptions = {},
): Promise<BulkAnswer> =>
  bulkAnswer(
    await api("POST /v1/queues/:queue/dead-letters/replay", {
      params: { queue },
      body: { ...target, ...given({ ...options }) },
    }),
  );

/** Counts the tasks that a replay or discard would change now, by a dry run. */
export const countDeadLetters = async (
  queue: string,
  target: DeadLetterTarget,
  signal?: AbortSignal,
): Promise<number> => {
  const answer = await api("POST /v1/queues/:queue/dead-letters/replay", {
    params: { queue },
    body: { ...target, dryRun: true },
    ...(signal === undefined ? {} : { signal }),
  });
  return "matched" in answer ? answer.matched : answer.total;
};

export const discardDeadLetters = async (
  queue: string,
  target: DeadLetterTarget,
  reason?: string,
): Promise<BulkAnswer> =>
  bulkAnswer(
    await api("POST /v1/queues/:queue/dead-letters/discard", {
      params: { queue },
      body: { ...target, ...given({ reason }) },
    }),
  );

function bulkAnswer(answer: OperationView | ReplayReply | DiscardReply): BulkAnswer {
  if ("kind" in answer) return { operation: answer };
  if ("replayed" in answer) return { done: answer.replayed, skipped: answer.skipped };
  const { discarded, skipped, operationId } = answer;
  return { done: discarded, skipped, ...(operationId === null ? {} : { operationId }) };
}

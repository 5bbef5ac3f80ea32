import type { DeadReason } from "@holdfast/contracts";
import { queryOptions } from "@tanstack/react-query";
import { agreed } from "./agreed.ts";
import type { OperationView } from "./operations.ts";
import { queueKey } from "./queues.ts";

export interface DeadLetterFilter {
  type?: string | undefined;
  reason?: DeadReason | undefined;
  signature?: string | undefined;
  error?: string | undefined;
  q?: string | undefined;
  /** Died from and to, ms since the epoch. */
  from?: number | undefined;
  to?: number | undefined;
}

export interface DeadLetterGroup {
  signature: string;
  type: string;
  reason: DeadReason;
  count: number;
  firstAt: number;
  lastAt: number;
  /** Deaths per slice of time, oldest first. */
  trend?: number[];
  /** Of them: replayed before, and dead again. */
  diedAgain?: number;
  sampleIds: string[];
}

export interface DeadLetterGroups {
  groups: DeadLetterGroup[];
  scanned?: number;
  total?: number;
}

/** Which dead letters an action is about. */
export type DeadLetterTarget = { ids: string[] } | { filter: DeadLetterFilter } | { all: true };

export interface ReplayOptions {
  /** Another queue; null: back into its own. */
  to?: string | undefined;
  ratePerSecond?: number | undefined;
  canary?: { size: number } | undefined;
  /** The new payload as exact JSON text: for one task alone. */
  patch?: { payloadText: string } | undefined;
  reason?: string | undefined;
}

/** Few are done at once; many become an operation. */
export type BulkAnswer =
  | {
      done: number;
      skipped: number;
      /** By it a discard can be undone. */
      operationId?: string;
    }
  | { operation: OperationView };

interface Reply {
  matched: number;
  skipped: number;
  replayed?: number;
  discarded?: number;
  operationId?: string | null;
}

const base = "/v1/queues/{queue}/dead-letters";

/** `GET /v1/queues/:queue/dead-letters/groups`. */
export const deadLetterGroupsQuery = (queue: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "dead-letter-groups"] as const,
    queryFn: ({ signal }) => agreed<DeadLetterGroups>("GET", `${base}/groups`, { path: { queue }, signal }),
  });

const wire = (target: DeadLetterTarget) => {
  if (!("filter" in target)) return target;
  const filter = Object.fromEntries(
    Object.entries(target.filter).filter(([, value]) => value !== undefined && value !== ""),
  );
  // A filter without a condition is everything, and has to be asked for by that name.
  return Object.keys(filter).length === 0 ? { all: true } : { filter };
};

/** `POST /v1/queues/:queue/dead-letters/replay`. */
export const replayDeadLetters = async (
  queue: string,
  target: DeadLetterTarget,
  options: ReplayOptions = {},
): Promise<BulkAnswer> =>
  bulkAnswer(
    await agreed("POST", `${base}/replay`, { path: { queue }, body: { ...wire(target), ...options } }),
  );

/** How many a replay or discard of this would touch now: a dry run. */
export const countDeadLetters = async (
  queue: string,
  target: DeadLetterTarget,
  signal?: AbortSignal,
): Promise<number> => {
  const { matched } = await agreed<Reply>("POST", `${base}/replay`, {
    path: { queue },
    body: { ...wire(target), dryRun: true },
    ...(signal === undefined ? {} : { signal }),
  });
  return matched;
};

/** `POST /v1/queues/:queue/dead-letters/discard`. */
export const discardDeadLetters = async (
  queue: string,
  target: DeadLetterTarget,
  reason?: string,
): Promise<BulkAnswer> =>
  bulkAnswer(
    await agreed("POST", `${base}/discard`, {
      path: { queue },
      body: { ...wire(target), ...(reason === undefined ? {} : { reason }) },
    }),
  );

function bulkAnswer(answer: OperationView | Reply): BulkAnswer {
  if ("kind" in answer) return { operation: answer };
  const { operationId } = answer;
  return {
    done: answer.replayed ?? answer.discarded ?? 0,
    skipped: answer.skipped,
    ...(operationId === undefined || operationId === null ? {} : { operationId }),
  };
}

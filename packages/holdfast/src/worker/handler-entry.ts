import type { Backoff } from "@holdfast/contracts";
import { DEFAULT_BACKOFF } from "./backoff.ts";
import { batchSettings } from "./batch.ts";
import { BatchLimit } from "./batch-limit.ts";
import { Batches } from "./batches.ts";
import type { Handler, HandlerOptions } from "./handler.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { TypeLimit } from "./type-limit.ts";

/** One entry of the option `handlers`, with its defaults filled in. */
export interface HandlerEntry extends RetryPolicy {
  /** A task type, a prefix such as `email.*`, or `*`. */
  readonly rule: string;
  /** Position among the sorted rules. The lease table stores this number as the type of a running task. */
  readonly index: number;
  readonly handler: Handler;
  /** The time-out of tasks that do not set one, ms; undefined for the default. */
  readonly timeoutMs: number | undefined;
  /** Whether an attempt that runs at the `expiresAt` of its task is aborted. */
  readonly abortAtExpiry: boolean;
  readonly limit: TypeLimit | BatchLimit | undefined;
  /** Undefined if the handler runs one task at a time. */
  readonly batches: Batches | undefined;
}

/** The options of the worker that apply to handlers without such an option. */
export type HandlerDefaults = Pick<HandlerOptions, "maxRetries" | "backoff" | "isFailure" | "abortAtExpiry">;

/** Fills in the defaults of one entry of the option `handlers`. */
export function entryOf(
  rule: string,
  index: number,
  given: Handler | HandlerOptions,
  {
    defaults,
    onRoom,
    slots,
  }: {
    defaults: HandlerDefaults;
    onRoom: (rule: string) => void;
    slots: () => number;
  },
): HandlerEntry {
  const own: HandlerOptions = typeof given === "function" ? { handler: given } : given;
  const { handler, timeoutMs, concurrency, deadLetter = true } = own;
  const batched = batchSettings(handler);
  const most = concurrency ?? Number.POSITIVE_INFINITY;
  const batchLimit =
    batched &&
    new BatchLimit(
      batched,
      () => Math.min(most, slots()),
      () => onRoom(rule),
    );
  return {
    ...{ rule, index, handler, timeoutMs, deadLetter },
    batches: batched && new Batches(batched, batchLimit as BatchLimit),
    maxRetries: own.maxRetries ?? defaults.maxRetries ?? DEFAULT_MAX_RETRIES,
    backoff: wholeBackoff(own.backoff ?? defaults.backoff),
    isFailure: own.isFailure ?? defaults.isFailure,
    abortAtExpiry: own.abortAtExpiry ?? defaults.abortAtExpiry ?? false,
    limit:
      batchLimit ?? (concurrency === undefined ? undefined : new TypeLimit(concurrency, () => onRoom(rule))),
  };
}

const DEFAULT_MAX_RETRIES = 3;

const wholeBackoff = (backoff: Backoff | RetryPolicy["backoff"] | undefined): RetryPolicy["backoff"] =>
  typeof backoff === "function" ? backoff : { ...DEFAULT_BACKOFF, ...backoff };

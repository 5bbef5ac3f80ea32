import {
  type ErrorMute,
  type ErrorsQuery,
  type ErrorsView,
  type ErrorView,
  HoldfastError,
  type WorkerView,
} from "@holdfast/contracts";
import { muteError, type QueueError, type QueueErrors, readErrors } from "../engine/errors.ts";
import { errorSignature } from "../engine/signature.ts";
import type { Parts } from "../partitions/parts.ts";
import { textFinder } from "./clause-matcher.ts";
import { deployedOf } from "./workers.ts";

const TREND_BUCKETS = 48;
const TREND_BUCKET_MS = 1_800_000;

/** How long an error is muted. Without options it stays muted until somebody ends the mute. */
export interface MuteOptions {
  /** The person or program that mutes the error. @default "library" */
  by?: string | undefined;
  /** The mute ends after this time, ms. */
  forMs?: number | undefined;
  /** The mute ends after this many more failures. */
  failures?: number | undefined;
}

/** Reads the errors of a queue. Those of its partitions are added up. */
export async function errorsOf(
  queue: string,
  { all }: Parts,
  workers: readonly WorkerView[],
): Promise<ErrorsView> {
  const read = await Promise.all(all.map(({ engine }) => readErrors(engine)));
  const at = Math.max(...read.map((part) => part.at));
  const errors = merge(read);
  const current = deployedOf(queue, workers)?.version;
  const hasOlder = errors.some(({ versions }) => versions.some((version) => version !== current));
  const other = {
    queue,
    dead: read.reduce((sum, part) => sum + part.other.dead, 0),
    failures: read.reduce((sum, part) => sum + part.other.failures, 0),
  };
  return {
    at,
    errors: errors.map((error) => viewOf(queue, error, at, hasOlder ? current : undefined)),
    other: other.dead + other.failures > 0 ? [other] : [],
  };
}

const joined = (one: readonly string[], two: readonly string[]) => [...new Set([...one, ...two])];

/** Adds up the errors of the partitions of a queue. */
function merge(parts: readonly QueueErrors[]): QueueError[] {
  const found = new Map<string, QueueError>();
  for (const error of parts.flatMap(({ errors }) => errors)) {
    const same = found.get(error.signature);
    if (!same) {
      found.set(error.signature, error);
      continue;
    }
    const [first, second] = same.firstAt <= error.firstAt ? [same, error] : [error, same];
    found.set(error.signature, {
      ...first,
      dead: same.dead + error.dead,
      failures: same.failures + error.failures,
      lastAt: Math.max(same.lastAt, error.lastAt),
      versions: joined(first.versions, second.versions),
      tags: joined(first.tags, second.tags),
      series: [...same.series, ...error.series],
      mute: same.mute ?? error.mute,
    });
  }
  return [...found.values()];
}

function viewOf(queue: string, error: QueueError, at: number, current: string | undefined): ErrorView {
  const { series, reason, mute, ...rest } = error;
  const trend = new Array<number>(TREND_BUCKETS).fill(0);
  const from = (Math.floor(at / TREND_BUCKET_MS) - TREND_BUCKETS + 1) * TREND_BUCKET_MS;
  for (const bucket of series) {
    const place = Math.min(TREND_BUCKETS - 1, Math.floor((bucket.at - from) / TREND_BUCKET_MS));
    if (place >= 0) trend[place] = (trend[place] ?? 0) + bucket.failures;
  }
  return {
    ...{ queue, ...rest, title: errorSignature(error.error) || (reason ?? "retries_exhausted"), trend },
    isNew: current !== undefined && error.versions[0] === current,
    mute: mute !== null && isMuted(mute, at, error.failures) ? mute : null,
  };
}

const isMuted = ({ until, untilFailures }: ErrorMute, at: number, failures: number) =>
  (until === null || at < until) && (untilFailures === null || failures < untilFailures);

/** Joins the errors of several queues. */
export function joinErrors(views: readonly ErrorsView[]): ErrorsView {
  return {
    at: Math.max(0, ...views.map(({ at }) => at)),
    errors: views.flatMap(({ errors }) => errors),
    other: views.flatMap(({ other }) => other),
  };
}

const ORDERS = {
  last: (error: ErrorView) => error.lastAt,
  first: (error: ErrorView) => error.firstAt,
  failures: (error: ErrorView) => error.failures,
  dead: (error: ErrorView) => error.dead,
};
const KINDS = {
  open: ({ mute }: ErrorView) => mute === null,
  new: ({ isNew, mute }: ErrorView) => isNew && mute === null,
  dead: ({ dead }: ErrorView) => dead > 0,
  muted: ({ mute }: ErrorView) => mute !== null,
  all: () => true,
};

/** Selects errors and sorts them, newest or largest first. */
export function selectErrors(errors: readonly ErrorView[], query: ErrorsQuery): ErrorView[] {
  const { type, q, kind = "open", sort = "last" } = query;
  const hasWords = q === undefined ? undefined : textFinder(q);
  const of = ORDERS[sort];
  return errors
    .filter(
      (error) =>
        KINDS[kind](error) &&
        (type === undefined || error.type === type) &&
        (hasWords === undefined ||
          [error.title, error.error ?? "", error.type, ...error.tags].some(hasWords)),
    )
    .sort((a, b) => of(b) - of(a) || b.lastAt - a.lastAt);
}

/**
 * Mutes an error, or ends the mute. @param options null ends the mute
 * @throws HoldfastError not_found
 */
export async function muteErrorIn(
  { all }: Parts,
  signature: string,
  options: MuteOptions | null,
): Promise<ErrorMute | null> {
  const read = await Promise.all(all.map(({ engine }) => readErrors(engine)));
  const known = merge(read).find((error) => error.signature === signature);
  if (!known) throw new HoldfastError("not_found", `the queue has no error ${JSON.stringify(signature)}`);
  const at = Math.max(...read.map((part) => part.at));
  const mute = options && {
    ...{ by: options.by ?? "library", at },
    until: options.forMs === undefined ? null : at + options.forMs,
    untilFailures: options.failures === undefined ? null : known.failures + options.failures,
  };
  await Promise.all(all.map(({ engine }) => muteError(engine, signature, mute)));
  return mute;
}

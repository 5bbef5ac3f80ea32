import type { ErrorMute } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { ERROR_BUCKET_MS } from "./format.ts";
import { decodeLine, decodeWord } from "./text.ts";

/** Failures within a bucket of time. */
export interface FailureBucket {
  at: number;
  failures: number;
}

/** What a queue has counted of one error, or of the failures that have no signature. */
export interface ErrorCounts {
  failures: number;
  firstAt: number;
  lastAt: number;
  /** The versions of the workers: the first one, and the newest ones. */
  versions: string[];
  /** Tags of its tasks: the first one, and the newest ones. */
  tags: string[];
  /** The buckets with failures, oldest first. */
  series: FailureBucket[];
}

/** One error of a queue. */
export interface QueueError extends ErrorCounts {
  signature: string;
  type: string;
  /** The first failure, with its stack; null if the tasks failed without an error. */
  error: string | null;
  /** Why the tasks failed, if they failed without an error. */
  reason: string | null;
  dead: number;
  mute: ErrorMute | null;
}

/** The errors of a queue, at one moment. */
export interface QueueErrors {
  at: number;
  errors: QueueError[];
  /** What has no signature: failures beyond the most signatures, and those that an earlier version counted. */
  other: ErrorCounts & { dead: number };
}

const NO_COUNTS: ErrorCounts = { failures: 0, firstAt: 0, lastAt: 0, versions: [], tags: [], series: [] };

const wordsOf = (list: string) => (list === "-" ? [] : list.split(",").map(decodeWord));

/** Reads the counters of an error, and how many dead letters it has. */
function countsOf(text: string): ErrorCounts & { dead: number } {
  if (text === "") return { ...NO_COUNTS, dead: 0 };
  const [dead, failures, firstAt, lastAt, versions = "-", tags = "-", ...series] = text.split(" ");
  return {
    ...{ dead: Number(dead), failures: Number(failures), firstAt: Number(firstAt), lastAt: Number(lastAt) },
    ...{ versions: wordsOf(versions), tags: wordsOf(tags) },
    series: series.map((bucket) => {
      const [at, failures] = bucket.split(":").map(Number);
      return { at: (at ?? 0) * ERROR_BUCKET_MS, failures: failures ?? 0 };
    }),
  };
}

const TRACED = /^~00-[\da-f-]+ /;

/** Reads the text of an error: its type, and the first error or "~" and a reason. */
function textOf(text: string): Pick<QueueError, "type" | "error" | "reason"> {
  const space = text.indexOf(" ");
  const line = text.slice(space + 1).replace(TRACED, "");
  const type = text.slice(0, space);
  return line.startsWith("~")
    ? { type, error: null, reason: line.slice(1) }
    : { type, error: decodeLine(line), reason: null };
}

export async function readErrors(engine: Engine): Promise<QueueErrors> {
  const [at, dead, other, ...flat]: [number, number, string, ...string[]] = await engine.connection.script(
    scripts.errorsScript,
    engine.keys,
    {},
  );
  const errors: QueueError[] = [];
  for (let i = 0; i < flat.length; i += 4) {
    const [signature = "", text = "", counts = "", mute = ""] = flat.slice(i, i + 4);
    errors.push({
      ...{ signature, ...textOf(text), ...countsOf(counts) },
      mute: mute === "" ? null : (JSON.parse(mute) as ErrorMute),
    });
  }
  const counted = errors.reduce((sum, error) => sum + error.dead, 0);
  // An earlier version that runs beside this one may remove dead letters without counting them.
  return { at, errors, other: { ...countsOf(other), dead: Math.max(0, dead - counted) } };
}

/** @param mute null ends the mute @returns whether the queue has this error */
export async function muteError(engine: Engine, signature: string, mute: ErrorMute | null): Promise<boolean> {
  const args = { signature, mute: mute === null ? "" : JSON.stringify(mute) };
  const known: number = await engine.connection.script(scripts.muteScript, engine.keys, args);
  return known === 1;
}

import type { ErrorMute } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { ERROR_BUCKET_MS } from "./format.ts";
import { decodeLine, decodeWord } from "./text.ts";

/** How many failures there were in one span of time. */
export interface FailureBucket {
  at: number;
  failures: number;
}

/** The failures that a queue has counted for one error signature, or for all failures without a signature. */
export interface ErrorCounts {
  failures: number;
  firstAt: number;
  lastAt: number;
  /** Versions of the workers that had the error: the first one, and the newest ones. */
  versions: string[];
  /** Tags of the failed tasks: the first one, and the newest ones. */
  tags: string[];
  /** The spans with failures, oldest first. */
  series: FailureBucket[];
}

/** The failures of a queue that have the same signature: the same type and the same message without changing parts. */
export interface QueueError extends ErrorCounts {
  signature: string;
  type: string;
  /** The text of the first failure, with its stack; null if the tasks failed without an error. */
  error: string | null;
  /** The reason, if the tasks failed without an error; otherwise null. */
  reason: string | null;
  dead: number;
  mute: ErrorMute | null;
}

export interface QueueErrors {
  at: number;
  errors: QueueError[];
  /** Failures without a signature: those of an earlier version, and new errors beyond the maximum of signatures. */
  other: ErrorCounts & { dead: number };
}

const NO_COUNTS: ErrorCounts = { failures: 0, firstAt: 0, lastAt: 0, versions: [], tags: [], series: [] };

const wordsOf = (list: string) => (list === "-" ? [] : list.split(",").map(decodeWord));

/** Parses the counters of a signature (docs/keys.md) and its number of dead letters. */
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

/** Parses the text of a signature: its type, then the first error, or "~" and a reason. */
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
  // May be below 0 for a moment, because workers of an earlier version remove dead letters without counting them.
  return { at, errors, other: { ...countsOf(other), dead: Math.max(0, dead - counted) } };
}

/** Mutes an error, or ends the mute. @param mute null ends the mute @returns false if the queue has no such error */
export async function muteError(engine: Engine, signature: string, mute: ErrorMute | null): Promise<boolean> {
  const args = { signature, mute: mute === null ? "" : JSON.stringify(mute) };
  const known: number = await engine.connection.script(scripts.muteScript, engine.keys, args);
  return known === 1;
}

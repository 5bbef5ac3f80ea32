import { hash } from "node:crypto";
import { ERROR_DIGITS } from "./format.ts";
import { decodeLine, encodeWord, LINE_BREAK } from "./text.ts";

// Matches first lines that say nothing about the cause: only a name, or a fixed phrase of the platform.
const SAYS_NOTHING =
  /^[\w$.]*( \[[^\]]*\])?(: (fetch failed|terminated|All promises were rejected|Error)?)?$/;
const EXPLANATION = /^(?:Caused by|Error 1 of \d+): (.+)$/;
const FRAME = /^\s+at (?:async )?([\w$.<>]+) \(/;
// Longer lines are cut before the replacements below, which could otherwise take long.
const FOLDED_CHARACTERS = 1_000;
const TITLE_CHARACTERS = 200;

/**
 * Returns the first line of an error. If it does not say what failed, the innermost cause that does (worker/thrown.ts),
 * or the function that threw, is added in parentheses.
 */
function tellingLine(error: string): string {
  const [first = "", ...others] = error.split("\n");
  if (!SAYS_NOTHING.test(first)) return first;
  const causes = others.flatMap((line) => EXPLANATION.exec(line)?.[1] ?? []);
  const frame = others.map((line) => FRAME.exec(line)?.[1]).find((name) => name !== undefined);
  const cause = causes.findLast((line) => !SAYS_NOTHING.test(line)) ?? causes.at(-1) ?? frame;
  return cause === undefined ? first : `${first} (${cause})`;
}

/** The parts of a message that differ from task to task, and the text that replaces them. */
const FOLDS: readonly [RegExp, string][] = [
  [/(?<!\w)(["'`]).*?\1/g, "<text>"],
  [/\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, "<email>"],
  // The scheme and the host of a URL are kept.
  [/\b([a-z][a-z\d+.-]*:\/\/[^\s/?#<>]*)[/?#][^\s<>)\]}]*/gi, "$1/<path>"],
  [/(?<![\w/:])(?:[a-z]:)?(?:[\\/][\w.@~+%-]+){2,}[\\/]?/gi, "<path>"],
  [/\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/gi, "<n>"],
  [/\b0x[\da-f]+\b/gi, "<n>"],
  [/(?<![\w.>])-?\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?(?!\w)/gi, "<n>"],
  // Hexadecimal numbers and random words, such as base64.
  [/\b[\da-f]{6,}\b/gi, "<n>"],
  [/(?<![\w+/-])(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])[\w+/-]{16,}={0,2}/gi, "<n>"],
  [/\d+(?:[.,:]\d+)*/g, "<n>"],
];

/** Returns the message without the parts that differ from task to task, so that equal failures have the same text. */
export function errorSignature(error: string | null): string {
  const line = tellingLine(error ?? "").slice(0, FOLDED_CHARACTERS);
  return FOLDS.reduce((text, [pattern, by]) => text.replace(pattern, by), line).slice(0, TITLE_CHARACTERS);
}

export interface Failed {
  type: string;
  /** The version of the worker; "" if it is not known. */
  version: string;
  tags: readonly string[];
  /** The error as it is stored (worker/thrown.ts). */
  error: string;
}

// A cache by first line, because most failures share one, and computing a signature is their slowest step.
const known = new Map<string, string>();
const KNOWN_FAILURES = 500;

/** Returns what a failure is counted under (lua/lib/errors.lua): its signature, type, version and tags. */
export function toldOf(failed: Failed): string {
  const { type, version, tags, error } = failed;
  const end = error.indexOf(LINE_BREAK);
  const line = end < 0 ? error : error.slice(0, end);
  const kind = `${type}\n${version}\n${tags.length === 0 ? "" : JSON.stringify(tags)}\n${line}`;
  const found = known.get(kind);
  if (found !== undefined) return found;
  const told = tell(failed);
  if (line.length <= FOLDED_CHARACTERS && !SAYS_NOTHING.test(line)) {
    if (known.size === KNOWN_FAILURES) known.clear();
    known.set(kind, told);
  }
  return told;
}

function tell({ type, version, tags, error }: Failed): string {
  const digits = hash("sha1", `${type}\n${errorSignature(decodeLine(error))}`).slice(0, ERROR_DIGITS);
  const words = [version === "" ? "-" : encodeWord(version), tags.map(encodeWord).join(",") || "-"];
  return [digits, type, ...words].join(" ");
}

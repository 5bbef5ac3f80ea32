import { t } from "@lingui/core/macro";
/** The progress that a handler reported. */
export interface Progress {
  /** The part that is done, 0 to 1; null if the report does not say it. */
  share: number | null;
  /** The message of the handler; null if there is none. */
  text: string | null;
}

const DONE = ["done", "current", "completed", "processed", "loaded", "at"];
const TOTAL = ["total", "of", "max", "count"];
const PERCENT = ["percent", "percentage", "pct"];
const SHARE = ["share", "fraction", "ratio", "progress"];
const TEXT = ["message", "text", "step", "stage", "label", "status"];

/**
 * Reads a progress report, which may be any JSON. A number up to 1 is the part that is done, and a larger number up
 * to 100 is a percentage. In an object, these members are read: `done` and `total`, `percent`, `share`, `message`.
 */
export function progressOf(json: string): Progress {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { share: null, text: null };
  }
  if (typeof value === "number") return { share: shareOf(value), text: null };
  if (typeof value === "string") return { share: null, text: value };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { share: null, text: null };
  const fields = value as Record<string, unknown>;
  const number = (names: readonly string[]): number | null => {
    const found = names.map((name) => fields[name]).find((field) => typeof field === "number");
    return typeof found === "number" && Number.isFinite(found) ? found : null;
  };
  const text = TEXT.map((name) => fields[name]).find((field) => typeof field === "string");
  const [done, total, percent, share] = [number(DONE), number(TOTAL), number(PERCENT), number(SHARE)];
  const known =
    done !== null && total !== null && total > 0
      ? inRange(done / total)
      : percent !== null
        ? inRange(percent / 100)
        : share !== null
          ? shareOf(share)
          : null;
  const of = done !== null && total !== null ? t`${done} of ${total}` : null;
  const parts = [text, of].filter((part) => typeof part === "string");
  return { share: known, text: parts.length === 0 ? null : parts.join(", ") };
}

const inRange = (share: number): number | null => (share >= 0 && share <= 1 ? share : null);
const shareOf = (value: number): number | null => inRange(value > 1 ? value / 100 : value);

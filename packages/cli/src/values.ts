import { InvalidArgumentError } from "commander";

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses `500ms`, `5s`, `10m`, `2h` or `1d` to ms. The unit is required: a number alone is ambiguous. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It has to be a duration like 500ms, 5s, 10m, 2h or 1d.");
  return Math.round(Number(match[1]) * (UNITS[match[2] as string] as number));
}

/** Parses a time to ms since the epoch: an ISO 8601 time with its zone, or the milliseconds themselves. */
export function parseTime(text: string): number {
  if (/^\d{13}$/.test(text)) return Number(text);
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const at = isIso ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError("It has to be a time like 2030-01-31T08:00:00Z, with its zone.");
  return at;
}

export function parseWhole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`It has to be a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Parses a rate such as `10/1s`, `100/1m` or `5/2h`: how many tasks may start in which period. */
export function parseRate(text: string): { limit: number; periodMs: number } {
  const match = /^(\d{1,7})\/(.+)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It has to be a rate like 10/1s, 100/1m or 5/2h.");
  const periodMs = parseDuration(match[2] as string);
  if (Number(match[1]) < 1 || periodMs < 1)
    throw new InvalidArgumentError("A rate has at least 1 task and a period of at least 1ms.");
  return { limit: Number(match[1]), periodMs };
}

export function parseFraction(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("It has to be a number from 0 to 1.");
  return value;
}

/** Adds the value of an option that can be repeated to its earlier values. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Returns a duration for people: `850ms`, `12s`, `4m05s`, `3h20m`, `2d04h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h${two(Math.floor((seconds % 3_600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor((seconds % 86_400) / 3_600))}h`;
}

export const time = (ms: number | null) => (ms === null ? "" : new Date(ms).toISOString());

/** Returns a number with its noun, such as `1 task waits` or `2 tasks wait`. */
export const counted = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`;

/** Returns a number with commas, such as `10,000`. */
export const withCommas = (count: number) => count.toLocaleString("en-US");

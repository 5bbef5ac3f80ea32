const MS_PER_DAY = 86_400_000;
const UNITS = { w: 604_800_000, d: MS_PER_DAY, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
/** The latest time. Later ones have years of five digits, which the parser does not read. */
const LAST = Date.UTC(9_999, 0);
const LONGEST = 100 * 365 * MS_PER_DAY;

/** Parses `500ms`, `5s`, `10m`, `2h`, `1d` or `1w` to milliseconds; undefined if the text is not a duration. */
export function durationOf(text: string): number | undefined {
  const match = /^(\d{1,13}(?:\.\d{1,9})?)(ms|[smhdw])$/i.exec(text);
  if (!match) return undefined;
  const unit = (match[2] as string).toLowerCase() as keyof typeof UNITS;
  const ms = Math.round(Number(match[1]) * UNITS[unit]);
  return ms <= LONGEST ? ms : undefined;
}

/** Writes a duration with the largest unit that needs no fraction, such as `90s`. */
export function durationText(ms: number): string {
  if (ms === 0) return "0s";
  const [unit, size] = Object.entries(UNITS).find(([, each]) => ms % each === 0) as [string, number];
  return `${ms / size}${unit}`;
}

/** A time as a span: from its first millisecond to the first millisecond after it. */
export interface MomentSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses a day (`2026-11-30`), a time (`2026-11-30T14:05`, optionally with seconds, milliseconds and zone) or
 * milliseconds since the epoch. Without a zone it is UTC. @returns undefined if the text is none of these
 */
export function momentSpanOf(text: string): MomentSpan | undefined {
  if (/^\d{13}$/.test(text)) return { start: Number(text), end: Number(text) + 1 };
  const match = /^(\d{4}-\d\d-(\d\d))(?:T(\d\d:\d\d)(:\d\d)?(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/i.exec(text);
  if (!match) return undefined;
  const [, date, day, hours, seconds, fraction, zone] = match;
  if ((fraction !== undefined && seconds === undefined) || (hours === undefined && zone !== undefined))
    return undefined;
  const start = Date.parse(
    `${date}T${hours ?? "00:00"}${seconds ?? ":00"}${fraction ?? ""}${(zone ?? "Z").toUpperCase()}`,
  );
  // Date.parse accepts a day that does not exist, such as 31 February, as a day of the next month.
  const isDay = new Date(`${date}T00:00:00Z`).getUTCDate() === Number(day);
  if (!isDay || !(start >= 0 && start <= LAST)) return undefined;
  const length =
    fraction !== undefined ? 1 : seconds !== undefined ? 1_000 : hours !== undefined ? 60_000 : MS_PER_DAY;
  return { start, end: Math.min(start + length, LAST) };
}

/** Writes a time; only the day if it is midnight in UTC. */
export function momentText(at: number): string {
  const text = new Date(at).toISOString();
  return at % MS_PER_DAY === 0 ? text.slice(0, 10) : text;
}

/** Writes the last moment before this time; the day before if the time is midnight in UTC. */
export function lastBeforeText(at: number): string {
  return at % MS_PER_DAY === 0 ? momentText(at - MS_PER_DAY) : new Date(at - 1).toISOString();
}

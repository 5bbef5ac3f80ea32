import { t } from "@lingui/core/macro";
import { perLanguage } from "../language/texts.tsx";
import { tenth } from "./number.ts";

/** Formats a duration or an age in at most two units. The units are the same in every language. */
export function duration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${tenth(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return two(hours, "h", minutes % 60, "min");
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

const short = perLanguage((tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }));

/** Formats a duration in one unit, for the axis of a chart: `90 s`, `5 min`. */
export function shortDuration(ms: number): string {
  const trim = (value: number) => short().format(value);
  if (ms === 0) return "0";
  if (ms < 1_000) return `${trim(ms)} ms`;
  if (ms < 120_000) return `${trim(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${trim(ms / 60_000)} min` : `${trim(ms / 3_600_000)} h`;
}

const two = (major: number, majorUnit: string, minor: number, minorUnit: string): string =>
  minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`;

/** Formats a moment relative to now, such as `12 s ago` or `in 3 min`. */
export function relative(atMs: number, nowMs: number): string {
  const age = nowMs - atMs;
  if (Math.abs(age) < 1_000) return t`just now`;
  return age > 0 ? t`${coarse(age)} ago` : t`in ${coarse(-age)}`;
}

const coarse = (ms: number): string => {
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
};

/** Formats a moment in UTC, such as `2025-11-23 21:12:04 UTC`. */
export const utc = (atMs: number): string =>
  `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export const utcPrecise = (atMs: number): string => new Date(atMs).toISOString();

/** The zone in which a clock shows times: that of the browser, or UTC. */
export type Zone = "local" | "utc";

/**
 * Returns a function that formats times in either zone. Each formatter is cached per language, because making one is
 * slow. In English, the day stands before the month, and the clock has 24 hours.
 */
function clockFormat(options: Intl.DateTimeFormatOptions): (atMs: number, zone?: Zone) => string {
  const inZone = (zone: Intl.DateTimeFormatOptions) =>
    perLanguage(
      (language) => new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { ...options, ...zone }),
    );
  const formats = { local: inZone({}), utc: inZone({ timeZone: "UTC" }) };
  return (atMs, zone = "local") => formats[zone]().format(atMs);
}

/** Formats the time of day with seconds. */
export const clockTime = clockFormat({ timeStyle: "medium" });

export const clockMinute = clockFormat({ timeStyle: "short" });

/** Formats a day, such as `23 Nov`. */
export const clockDay = clockFormat({ day: "numeric", month: "short" });

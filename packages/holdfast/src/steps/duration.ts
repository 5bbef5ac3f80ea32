import { HoldfastError, LIMITS } from "@holdfast/contracts";
import { shown } from "../options/shape.ts";

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A number of milliseconds, or a text such as `500ms`, `5s`, `10m`, `2h` or `3d`. At most 365 days. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** Returns a duration in ms. @throws HoldfastError invalid_argument */
export function durationMs(what: string, duration: unknown): number {
  const [, count, unit = ""] =
    typeof duration === "string" ? (/^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) ?? []) : [];
  const ms = count === undefined ? duration : Math.round(Number(count) * (UNITS[unit] as number));
  if (typeof ms === "number" && ms >= 0 && ms <= LIMITS.delayMs) return Math.ceil(ms);
  throw new HoldfastError(
    "invalid_argument",
    `${what} takes milliseconds or a text such as "3d", from 0 to 365 days, got ${shown(duration)}`,
  );
}

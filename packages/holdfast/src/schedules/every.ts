import { HoldfastError } from "@holdfast/contracts";
import type { Times } from "./times.ts";

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
const NAMES = { d: "day", h: "hour", m: "minute", s: "second" } as const;
type Unit = keyof typeof UNITS;

const LONGEST_MS = 31_536_000_000;
/** At most this many occurrences are returned, as by `CronTimes`. */
const LOOKED_AT = 100;

export const isEvery = (text: string) => /^@every\b/i.test(text.trim());

/**
 * Occurrences at a fixed interval: all multiples of the interval since the epoch. So they do not depend on when a
 * schedule was written, and do not shift when a task is enqueued late.
 */
export class EveryTimes implements Times {
  readonly everyMs: number;
  readonly words: string;

  /** @param text such as `@every 30s` or `@every 1h30m` @throws HoldfastError invalid_argument */
  constructor(text: string) {
    const [, duration = ""] = /^@every\s+((?:\d{1,9}[dhms])+)$/i.exec(text.trim()) ?? [];
    const parts = [...duration.toLowerCase().matchAll(/(\d+)([dhms])/g)].map(
      ([, count, unit]) => [Number(count), unit as Unit] as const,
    );
    this.everyMs = parts.reduce((sum, [count, unit]) => sum + count * UNITS[unit], 0);
    if (this.everyMs < UNITS.s || this.everyMs > LONGEST_MS)
      throw new HoldfastError(
        "invalid_argument",
        `"${text}" is not an interval: write @every and 1s to 365d, such as @every 30s or @every 1h30m`,
        { field: "cron" },
      );
    const names = parts.map(([count, unit]) => `${count} ${NAMES[unit]}${count === 1 ? "" : "s"}`);
    this.words = `Every ${names.join(" ")}`;
  }

  after(ms: number): number {
    return (Math.floor(ms / this.everyMs) + 1) * this.everyMs;
  }

  following(ms: number, count: number): number[] {
    const first = this.after(ms);
    return Array.from({ length: count }, (_, i) => first + i * this.everyMs);
  }

  between(fromMs: number, untilMs: number): { times: number[]; cut: boolean } {
    if (fromMs > untilMs) return { times: [], cut: false };
    // With `immediately`, the first occurrence is not a multiple of the interval; the following ones are.
    const first = this.after(fromMs);
    const count = first > untilMs ? 0 : Math.floor((untilMs - first) / this.everyMs) + 1;
    if (count < LOOKED_AT) return { times: [fromMs, ...this.following(fromMs, count)], cut: false };
    return { times: this.following(first + (count - LOOKED_AT - 1) * this.everyMs, LOOKED_AT), cut: true };
  }
}

import { createRequire } from "node:module";
import { HoldfastError } from "@holdfast/contracts";
import { Cron } from "croner";
import type Cronstrue from "cronstrue";

// Read when first asked for: it is large, and most processes never say a schedule in words.
const load = createRequire(import.meta.url);

/** Occurrences that are computed at once: each takes about 0.6 ms, most of it in the time zone. */
const LOOKED_AT = 100;
const KEPT = 1_000;

/**
 * When a schedule is due. A wall-clock time that a change of the clocks skips runs right after the gap; one that comes
 * twice runs once where hour and minute are fixed, and each time where they go by intervals.
 */
export class CronTimes {
  readonly cron: string;
  readonly timeZone: string;
  readonly #cron: Cron;

  /** @throws HoldfastError invalid_argument that says what is wrong with the expression or the time zone */
  constructor(cron: string, timeZone: string) {
    this.cron = cron;
    this.timeZone = checkTimeZone(timeZone);
    this.#cron = parse(cron, timeZone);
  }

  /** The first occurrence after a moment; null where there is none. */
  after(ms: number): number | null {
    return this.#cron.nextRun(new Date(ms))?.getTime() ?? null;
  }

  /** At most `count` occurrences after a moment, in order. */
  following(ms: number, count: number): number[] {
    return this.#cron.nextRuns(count, new Date(ms)).map((date) => date.getTime());
  }

  /**
   * The occurrences from `fromMs` to `untilMs`, both included, oldest first: at most the last 100. `fromMs` is one itself.
   */
  between(fromMs: number, untilMs: number): { times: number[]; cut: boolean } {
    const collect = (first: number) => {
      const times: number[] = [];
      let at: number | null = first;
      while (at !== null && at <= untilMs && times.length <= LOOKED_AT) {
        times.push(at);
        at = this.after(at);
      }
      return times;
    };
    const first = collect(fromMs);
    if (first.length <= LOOKED_AT) return { times: first, cut: false };
    // A long time has passed: begin near its end. Looked for backwards, then told forwards, as all others are.
    const back =
      this.#cron
        .previousRuns(LOOKED_AT, new Date(untilMs + 1))
        .at(-1)
        ?.getTime() ?? fromMs;
    const start = this.after(Math.max(fromMs, back) - 1) ?? fromMs;
    return { times: collect(start).slice(-LOOKED_AT), cut: true };
  }

  get words(): string {
    return cronInWords(this.cron);
  }
}

export function cronInWords(cron: string): string {
  try {
    const cronstrue = load("cronstrue") as typeof Cronstrue;
    return cronstrue.toString(cron, { use24HourTimeFormat: true });
  } catch {
    return cron;
  }
}

function checkTimeZone(timeZone: string): string {
  try {
    // Offsets like +01:00 are no zones: they do not follow the clocks of a place.
    if (/^[A-Za-z]/.test(timeZone) && new Intl.DateTimeFormat("en", { timeZone })) return timeZone;
  } catch {}
  throw new HoldfastError(
    "invalid_argument",
    `"${timeZone}" is no time zone: give an IANA name, such as Europe/Berlin or UTC`,
  );
}

function parse(cron: string, timeZone: string): Cron {
  const refuse = (why: string): never => {
    throw new HoldfastError("invalid_argument", `"${cron}" is no cron expression: ${why}`);
  };
  const fields = cron.trim().split(/\s+/);
  const nickname = /^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/i.test(cron);
  if (!nickname && fields.length !== 5 && fields.length !== 6)
    refuse(`it has to have five fields (minute hour day month weekday), or six with seconds first`);
  let parsed: Cron;
  try {
    parsed = new Cron(cron, { timezone: timeZone, paused: true });
  } catch (error) {
    return refuse((error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, ""));
  }
  if (parsed.nextRun() === null) refuse("it never comes, as on 31 February");
  return parsed;
}

const cache = new Map<string, CronTimes>();

/** The same for the same expression and zone: making one costs more than asking it. */
export function cronTimes(cron: string, timeZone: string): CronTimes {
  const key = `${timeZone} ${cron}`;
  let times = cache.get(key);
  if (!times) {
    times = new CronTimes(cron, timeZone);
    if (cache.size >= KEPT) cache.delete(cache.keys().next().value as string);
    cache.set(key, times);
  }
  return times;
}

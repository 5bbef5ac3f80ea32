import { HoldfastError } from "@holdfast/contracts";
import { Cron } from "croner";
import type Cronstrue from "cronstrue";
import * as cronstrueModule from "./cronstrue-module.cts";
import { EveryTimes, isEvery } from "./every.ts";
import { BoundedTimes, type Times } from "./times.ts";
import { Zone } from "./zone.ts";

// Loaded at first use, because it is large and most processes never need it. A CommonJS module loads it, because this
// code cannot wait for an import, and bundlers understand such a module.
const { load } = cronstrueModule as unknown as { load(): typeof Cronstrue };

/** At most this many occurrences are computed at once. Each takes about 0.1 ms, mostly for the time zone. */
const LOOKED_AT = 100;
const KEPT = 1_000;
const HOUR_MS = 3_600_000;

/** `sloppyRanges` allows `5/20`: "every 20, from 5 on", as in Quartz, Java and Go. */
const CRON = { paused: true, sloppyRanges: true } as const;

/**
 * Computes the occurrences of a cron expression, also when clocks change. An expression that runs in every hour keeps
 * its intervals in real time. For any other expression, each wall-clock time occurs once a day: a time that clocks skip
 * occurs right after the gap, and a time that they show twice occurs the first time. Only the set of hours decides, and
 * not how the expression is written.
 */
export class CronTimes implements Times {
  readonly cron: string;
  readonly timeZone: string;
  /** Null if the expression runs in every hour. Then `#cron` counts real time, otherwise wall-clock time. */
  readonly #zone: Zone | null;
  readonly #cron: Cron;

  /** @throws HoldfastError invalid_argument that says what is wrong with the expression or the time zone */
  constructor(cron: string, timeZone: string) {
    this.cron = cron;
    this.timeZone = timeZone;
    const zone = new Zone(timeZone);
    const parsed = parse(cron);
    const everyHour = runsEveryHour(cron);
    this.#zone = everyHour ? null : zone;
    this.#cron = everyHour ? new Cron(cron, { ...CRON, timezone: timeZone }) : parsed;
  }

  /** Returns the first occurrence after a time; null if there is none. */
  after(ms: number): number | null {
    const zone = this.#zone;
    if (zone === null) return this.#cron.nextRun(new Date(ms))?.getTime() ?? null;
    let next = this.#cron.nextRun(new Date(zone.latestWallOf(ms)));
    // If clocks skip several times of the expression at once, they make a single occurrence.
    while (next !== null && zone.firstMomentOf(next.getTime()) <= ms) next = this.#cron.nextRun(next);
    return next && zone.firstMomentOf(next.getTime());
  }

  /** Returns at most `count` occurrences after a time, in order. */
  following(ms: number, count: number): number[] {
    const times: number[] = [];
    let at = this.after(ms);
    for (; at !== null && times.length < count; at = this.after(at)) times.push(at);
    return times;
  }

  /**
   * Returns the occurrences from `fromMs` to `untilMs`, both included, oldest first, at most the last 100. `fromMs` has
   * to be an occurrence. `cut`: earlier ones were left out.
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
    // There are more than LOOKED_AT occurrences. The first of the last LOOKED_AT is found by searching back from the
    // end.
    const start = this.after(Math.max(fromMs, this.#hundredthUntil(untilMs)) - 1) ?? fromMs;
    return { times: collect(start).slice(-LOOKED_AT), cut: true };
  }

  /** Returns the hundredth occurrence up to a time; the first occurrence if there are fewer. */
  #hundredthUntil(untilMs: number): number {
    const zone = this.#zone;
    let reference = (zone === null ? untilMs : zone.latestWallOf(untilMs)) + 1;
    const moments = new Set<number>();
    while (moments.size < LOOKED_AT) {
      const runs = this.#cron.previousRuns(LOOKED_AT, new Date(reference)).map((date) => date.getTime());
      if (runs.length === 0) break;
      for (const run of runs) moments.add(zone === null ? run : zone.firstMomentOf(run));
      reference = runs.at(-1) as number;
    }
    const newestFirst = [...moments];
    return (newestFirst[LOOKED_AT - 1] ?? newestFirst.at(-1)) as number;
  }

  get words(): string {
    return cronInWords(this.cron);
  }
}

export function cronInWords(cron: string): string {
  try {
    return load().toString(cron, { use24HourTimeFormat: true });
  } catch {
    return cron;
  }
}

const NICKNAME = /^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/i;
const fieldsOf = (cron: string) => cron.trim().split(/\s+/);

/** Parses an expression. The result counts times in UTC. */
function parse(cron: string): Cron {
  const refuse = (why: string): never => {
    throw new HoldfastError("invalid_argument", `"${cron}" is not a cron expression: ${why}`, {
      field: "cron",
    });
  };
  const fields = fieldsOf(cron);
  if (!NICKNAME.test(cron) && fields.length !== 5 && fields.length !== 6)
    refuse(`it has to have five fields (minute hour day month weekday), or six with seconds first`);
  let parsed: Cron;
  try {
    parsed = new Cron(cron, { ...CRON, utcOffset: 0 });
  } catch (error) {
    return refuse((error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, ""));
  }
  if (parsed.nextRun() === null) refuse("it never occurs, like 31 February");
  return parsed;
}

function runsEveryHour(cron: string): boolean {
  if (NICKNAME.test(cron)) return cron.toLowerCase() === "@hourly";
  const hours = new Cron(`0 ${fieldsOf(cron).at(-4)} * * *`, { ...CRON, utcOffset: 0 });
  return hours.nextRuns(24, new Date(-1)).at(-1)?.getTime() === 23 * HOUR_MS;
}

const cache = new Map<string, Times>();

/**
 * Returns the occurrences of a cron expression or interval. They are cached, because creating them takes longer than
 * using them.
 * @throws HoldfastError invalid_argument that says what is wrong
 */
export function cronTimes(cron: string, timeZone: string): Times {
  const key = `${timeZone} ${cron}`;
  let times = cache.get(key);
  if (!times) {
    times = isEvery(cron) ? everyTimes(cron, timeZone) : new CronTimes(cron, timeZone);
    if (cache.size >= KEPT) cache.delete(cache.keys().next().value as string);
    cache.set(key, times);
  }
  return times;
}

/** Returns the occurrences of an interval. The time zone makes no difference, but a wrong one is refused. */
function everyTimes(text: string, timeZone: string): Times {
  new Zone(timeZone);
  return new EveryTimes(text);
}

/** Returns the occurrences of a schedule, from its `startAt` to its `endAt`. */
export function timesOfSchedule(of: {
  cron: string;
  timeZone: string;
  startAt: number | null;
  endAt: number | null;
}): Times {
  const times = cronTimes(of.cron, of.timeZone);
  return of.startAt === null && of.endAt === null ? times : new BoundedTimes(times, of.startAt, of.endAt);
}

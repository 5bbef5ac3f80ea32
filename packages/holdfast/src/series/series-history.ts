import type { QueueStats } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { KEEP, KEEP_LONG, KEEP_TYPES, SeriesStore } from "../engine/series-store.ts";
import type { Deploy } from "../observer/workers.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import {
  COUNTED,
  type Counted,
  decodeBucket,
  encodeBucket,
  gaugesOf,
  goesOn,
  mergeBuckets,
  type SeriesBucket,
} from "./bucket.ts";
import { decodeHistogram, encodeHistogram, grownBy } from "./histogram.ts";
import {
  addTypes,
  decodeTypeBucket,
  decodeTypes,
  encodeTypeBucket,
  encodeTypes,
  readTypes,
  type TypeBucket,
  type TypeTable,
  typesGrown,
} from "./type-series.ts";

const BUCKET_MS = 10_000;
const LONG_BUCKET_MS = 300_000;
/** A bucket of 5 minutes needs 30 buckets of 10 s. A few more are read, in case some are shorter. */
const SHORT_IN_LONG = 40;

/** At most this many deploys of a queue are kept. */
const KEEP_DEPLOYS = 20;

/** The totals of a queue when its newest bucket was written. */
interface Seen {
  /** When the totals were read, by the clock of Redis, ms since the epoch. */
  statsAt: number;
  totals: Record<Counted, number>;
  wait: Map<number, number>;
  run: Map<number, number>;
  /** The deploys, oldest first. A deploy is a change of the version of the workers. */
  deploys: Deploy[];
  /** The counts by task type when they were last read, every five minutes; null if they never were. */
  types: { at: number; table: TypeTable } | null;
}

/**
 * Stores chart points (buckets) of queues: how much their totals grew between two reads, and how long tasks waited and
 * ran. Any number of processes may do this; each bucket is written by one of them.
 */
export class SeriesHistory {
  readonly #store: SeriesStore;
  readonly #partitions: PartitionRegistry;
  // The end of the newest bucket that this process knows, by queue.
  readonly #keptAt = new Map<string, number>();

  constructor(client: Holdfast) {
    this.#store = new SeriesStore(client.connection, client.prefix);
    this.#partitions = new PartitionRegistry(client);
  }

  /**
   * Stores a bucket if its time has come.
   * @param utilisation busy slots divided by slots of the workers of the queue, 0 to 1; null without workers
   * @param deployed the present version of the workers; null without workers
   * @returns whether this call wrote the bucket
   */
  async keep(
    stats: QueueStats,
    utilisation: number | null,
    deployed: Deploy | null = null,
  ): Promise<boolean> {
    const { queue } = stats;
    const at = Math.floor(stats.at / BUCKET_MS) * BUCKET_MS;
    if (at <= (this.#keptAt.get(queue) ?? 0)) return false;
    const last = await this.#store.last(queue);
    if (last && last.at >= at) {
      this.#keptAt.set(queue, last.at);
      return false;
    }
    const { wait, run } = await this.#timings(queue);
    const totals = {} as Seen["totals"];
    for (const name of COUNTED) totals[name] = stats.totals[name];
    const before = last ? decodeSeen(last.text) : null;
    const deploys = deploysWith(before?.deploys ?? [], deployed);
    const isTypesTurn =
      !before?.types || Math.floor(at / LONG_BUCKET_MS) > Math.floor(before.types.at / LONG_BUCKET_MS);
    const types = isTypesTurn ? { at: stats.at, table: await this.#typeTable(queue) } : before.types;
    const seen: Seen = { statsAt: stats.at, totals, wait, run, deploys, types };
    const write = before && stats.at > before.statsAt ? bucketBetween(before, seen, stats, at) : null;
    if (write) write.utilisation = utilisation;
    const short = write ? await this.#read(queue, "series", SHORT_IN_LONG) : [];
    const previous = short.at(-1);
    const joined = write && previous && goesOn(previous, write) ? mergeBuckets([previous, write]) : null;
    const long = last && write ? longBucket(short, write, last.at, at) : null;
    const kept = await this.#store.write(queue, {
      expectedAt: last?.at ?? null,
      last: `${at} ${encodeSeen(seen)}`,
      bucket: joined ? encodeBucket(joined) : write ? encodeBucket(write) : "",
      replaces: joined !== null,
      longBucket: long ? encodeBucket(long) : "",
      typesBucket: isTypesTurn ? typesBucketBetween(before?.types, types) : "",
    });
    if (kept) this.#keptAt.set(queue, at);
    return kept;
  }

  /**
   * Returns the buckets since a time, oldest first: buckets of 10 s as long as they are kept, and before that buckets
   * of 5 minutes.
   */
  async read(queue: string, sinceMs: number, untilMs: number): Promise<SeriesBucket[]> {
    const wanted = (all: SeriesBucket[]) => all.filter((bucket) => bucket.at > sinceMs);
    const spanMs = untilMs - sinceMs;
    const count = Math.min(KEEP, Math.ceil(spanMs / BUCKET_MS) + 1);
    const all = await this.#read(queue, "series", count);
    const short = wanted(all);
    const [first] = all;
    const from = first ? first.at - first.spanMs : untilMs;
    if (from <= sinceMs) return short;
    const long = wanted(
      await this.#read(queue, "seriesLong", Math.min(KEEP_LONG, Math.ceil(spanMs / LONG_BUCKET_MS) + 1)),
    );
    return [...long.filter((bucket) => bucket.at <= from), ...short];
  }

  /**
   * Returns the counts by task type since a time, oldest first, in buckets of five minutes. The last bucket is not
   * complete and not stored yet. Stored ones are kept for a day.
   */
  async types(queue: string, sinceMs: number, untilMs: number): Promise<TypeBucket[]> {
    const [stored, last, table] = await Promise.all([
      this.#store.read(queue, "seriesTypes", KEEP_TYPES),
      this.#store.last(queue),
      this.#typeTable(queue),
    ]);
    const buckets = stored.map(decodeTypeBucket);
    const seen = last && decodeSeen(last.text)?.types;
    const grown = seen ? typesGrown(seen.table, table) : table;
    const spanMs = seen ? Math.max(1, untilMs - seen.at) : 1;
    if (grown.size > 0) buckets.push({ at: untilMs, spanMs, types: grown });
    return buckets.filter(({ at }) => at > sinceMs);
  }

  async #typeTable(queue: string): Promise<TypeTable> {
    const { all } = await this.#partitions.parts(queue);
    return addTypes(
      await Promise.all(
        all.map(async ({ name }) => readTypes(await this.#store.timings(name, "typeTimings"))),
      ),
    );
  }

  /** Returns the newest deploys of the queue, oldest first. A deploy is a change of the version of its workers. */
  async deploys(queue: string): Promise<Deploy[]> {
    const last = await this.#store.last(queue);
    return (last && decodeSeen(last.text)?.deploys) ?? [];
  }

  async #read(queue: string, which: "series" | "seriesLong", count: number): Promise<SeriesBucket[]> {
    const buckets: SeriesBucket[] = [];
    for (const text of await this.#store.read(queue, which, count)) {
      const bucket = decodeBucket(text);
      // An aborted write may have stored a bucket twice.
      if (bucket && bucket.at > (buckets.at(-1)?.at ?? 0)) buckets.push(bucket);
    }
    return buckets;
  }

  async #timings(queue: string): Promise<Pick<Seen, "wait" | "run">> {
    const { all } = await this.#partitions.parts(queue);
    const sums = { w: new Map<number, number>(), r: new Map<number, number>() };
    for (const fields of await Promise.all(all.map(({ name }) => this.#store.timings(name)))) {
      for (const [field, count] of fields) {
        const sum = field.startsWith("w") ? sums.w : sums.r;
        const bucket = Number(field.slice(1));
        sum.set(bucket, (sum.get(bucket) ?? 0) + count);
      }
    }
    return { wait: sums.w, run: sums.r };
  }
}

function bucketBetween(before: Seen, seen: Seen, stats: QueueStats, at: number): SeriesBucket {
  const counts = {} as SeriesBucket["counts"];
  // If the queue was deleted and created again, its totals began again at zero.
  for (const name of COUNTED) counts[name] = Math.max(0, seen.totals[name] - before.totals[name]);
  return {
    ...{ at, spanMs: seen.statsAt - before.statsAt, gauges: gaugesOf(stats), counts, utilisation: null },
    wait: grownBy(before.wait, seen.wait),
    run: grownBy(before.run, seen.run),
  };
}

/** Returns the bucket of five minutes that ends with this bucket of 10 s; null if none does. */
function longBucket(
  short: readonly SeriesBucket[],
  write: SeriesBucket,
  lastAt: number,
  at: number,
): SeriesBucket | null {
  const end = Math.floor(at / LONG_BUCKET_MS) * LONG_BUCKET_MS;
  if (lastAt >= end) return null;
  const parts = short.filter((bucket) => bucket.at > end - LONG_BUCKET_MS && bucket.at <= lastAt);
  const merged = mergeBuckets([...parts, write]);
  // In quiet times, buckets are stored as one, which may have begun before these five minutes.
  return { ...merged, at: end, spanMs: Math.min(merged.spanMs, Math.max(LONG_BUCKET_MS, write.spanMs)) };
}

function deploysWith(known: Deploy[], deployed: Deploy | null): Deploy[] {
  if (deployed === null || known.at(-1)?.version === deployed.version) return known;
  return [...known, deployed].slice(-KEEP_DEPLOYS);
}

function typesBucketBetween(before: Seen["types"] | undefined, now: Seen["types"]): string {
  if (!before || !now) return "";
  const types = typesGrown(before.table, now.table);
  return types.size === 0 ? "" : encodeTypeBucket({ at: now.at, spanMs: now.at - before.at, types });
}

function encodeSeen({ statsAt, totals, wait, run, deploys, types }: Seen): string {
  const numbers = [statsAt, ...COUNTED.map((name) => totals[name])].map((value) => value.toString(36));
  const versions = deploys.map(({ at, version }) => `${at.toString(36)}:${encodeURIComponent(version)}`);
  const counted = types === null ? "" : `|${types.at.toString(36)}|${encodeTypes(types.table)}`;
  return `${numbers.join(",")}|${encodeHistogram(wait)}|${encodeHistogram(run)}|${versions.join(";")}${counted}`;
}

function decodeDeploys(text: string): Deploy[] {
  if (text === "") return [];
  return text.split(";").map((pair) => {
    const [at = "", version = ""] = pair.split(":");
    return { at: Number.parseInt(at, 36), version: decodeURIComponent(version) };
  });
}

function decodeSeen(text: string): Seen | null {
  // Earlier versions wrote no deploys and no types, and ignore them when they read this text.
  const [numbers = "", wait = "", run = "", deploys = "", typesAt, ...types] = text.split("|");
  const [statsAt = 0, ...rest] = numbers.split(",").map((value) => Number.parseInt(value, 36));
  if (rest.length !== COUNTED.length || rest.some(Number.isNaN)) return null;
  const totals = {} as Seen["totals"];
  for (const [i, name] of COUNTED.entries()) totals[name] = rest[i] as number;
  return {
    ...{ statsAt, totals, wait: decodeHistogram(wait), run: decodeHistogram(run) },
    deploys: decodeDeploys(deploys),
    types: typesAt === undefined ? null : { at: Number.parseInt(typesAt, 36), table: decodeTypes(types) },
  };
}

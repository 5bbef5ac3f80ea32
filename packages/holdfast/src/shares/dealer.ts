import { HoldfastError, type Limit, type QueueLimits } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { parseShares, type Share, type StoredLimit, setShare } from "../engine/shared-limits.ts";
import { queueStats } from "../observer/queue-stats.ts";
import type { Part, Parts } from "../partitions/parts.ts";
import { type Demand, deal, isBetter, type Lowered, lacking, lowered, raised } from "./deal.ts";

interface Look extends Demand {
  part: Part;
  /** The present share of the queue or partition; undefined if it has none. */
  own: Share | undefined;
}

/**
 * Divides shared limits among their queues by their waiting tasks. Any number of processes may do this at the same
 * time. A division first lowers shares, then stores the new shares, then raises the others. So the queues together
 * never exceed the limit, even if a process dies in between.
 */
export class Dealer {
  readonly #client: Holdfast;
  readonly #partsOf: (queue: string) => Promise<Parts>;
  /** How many tasks had started at a certain time, by limit and by queue or partition. */
  readonly #started = new Map<string, { grants: number; atMs: number }>();

  /** @param partsOf returns the partitions of a queue, which need not exist */
  constructor(client: Holdfast, partsOf: (queue: string) => Promise<Parts>) {
    this.#client = client;
    this.#partsOf = partsOf;
  }

  /**
   * Divides all shared limits. A queue that cannot be reached keeps its share, and the others need not wait for it.
   * @throws the first error of a limit, after all other limits were divided
   */
  async run(): Promise<void> {
    const limits = await this.#client.sharedLimits.all();
    if (limits.length === 0) return;
    const known = new Set(await this.#client.registry.queues());
    let failure: unknown;
    for (const limit of limits) {
      try {
        if (isOfPartitions(limit.name) && !(await this.#parts(limit, known)).length)
          await this.#client.sharedLimits.forget(limit); // the queue was deleted
        else await this.deal(limit);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Sets or changes a shared limit, and divides it. */
  async set(name: string, limit: Limit, queues: readonly string[]): Promise<StoredLimit> {
    for (;;) {
      const before = await this.#client.sharedLimits.get(name);
      const stays = ([part]: [string, Share]) => isMember({ queues }, part);
      const written = await this.#client.sharedLimits.write(name, before, {
        version: (before?.version ?? 0) + 1,
        limit,
        queues: [...queues],
        shares: Object.fromEntries(Object.entries(before?.shares ?? {}).filter(stays)),
      });
      if (!written) continue;
      const left = before?.queues.filter((queue) => !queues.includes(queue)) ?? [];
      await this.#takeAway(written, left);
      await this.deal(written, { force: true });
      return (await this.#client.sharedLimits.get(name)) ?? written;
    }
  }

  /** Removes a shared limit. @returns false if there is no such limit */
  async end(name: string): Promise<boolean> {
    for (;;) {
      const before = await this.#client.sharedLimits.get(name);
      if (!before) return false;
      if (!(await this.#client.sharedLimits.forget(before))) continue;
      await this.#takeAway({ ...before, version: before.version + 2 }, before.queues);
      return true;
    }
  }

  /**
   * Prepares partitions that are about to be created. They get nothing of the shared limits of their queue until these
   * limits are divided again.
   * @param count how many partitions the queue will have
   * @param own a limit of the queue itself, which its partitions will share
   * @throws HoldfastError invalid_argument if a limit is too low to be divided among all of them
   */
  async prepare(queue: string, engines: readonly Engine[], count: number, own?: Limit): Promise<void> {
    const { sharedLimits } = this.#client;
    const name = partitionLimit(queue);
    if (own) checkDivided("queue", own, count);
    if (own && !(await sharedLimits.get(name)))
      await sharedLimits.write(name, null, { version: 1, limit: own, queues: [queue], shares: {} });
    const limits = (await sharedLimits.all()).filter(({ queues }) => queues.includes(queue));
    for (const { name, limit, queues } of limits) {
      const others = await Promise.all(
        queues.filter((other) => other !== queue).map((other) => this.#partsOf(other)),
      );
      const parts = others.reduce((sum, { all }) => sum + all.length, count);
      checkDivided(isOfPartitions(name) ? "queue" : `shared limit "${name}": limit`, limit, parts);
    }
    for (const limit of limits)
      for (const engine of engines) await setShare(engine, limit, nothing(limit.limit));
  }

  /** Divides the shared limits of a queue. */
  async dealOf(queue: string): Promise<void> {
    for (const limit of await this.#client.sharedLimits.all())
      if (limit.queues.includes(queue)) await this.deal(limit, { force: true });
  }

  async #takeAway(limit: StoredLimit, queues: readonly string[]): Promise<void> {
    const known = new Set(await this.#client.registry.queues());
    for (const part of await this.#parts({ queues }, known)) await setShare(part.engine, limit, null);
  }

  /**
   * Divides one limit. @param force whether to do it even if no queue would get more, for example after a change of the
   * limit
   */
  async deal(before: StoredLimit, { force = false } = {}): Promise<void> {
    const parts = await this.#parts(before, new Set(await this.#client.registry.queues()));
    const looks = await Promise.all(parts.map((part) => this.#lookAt(before, part).catch(() => null)));
    const reached = looks.filter((look) => look !== null);
    if (reached.length === 0) return;
    const away = parts.flatMap(({ name }, place) => {
      const share = looks[place] === null ? before.shares[name] : undefined;
      return share ? [[name, share] as const] : [];
    });
    const limit = without(
      before.limit,
      away.map(([, share]) => share),
    );
    const targets = deal(limit, reached);
    const owns = reached.map(({ own }) => own);
    const isDraining = Object.values(before.shares).some(
      ({ concurrency = 0, held = 0 }) => held > concurrency,
    );
    if (!force && !isDraining && !isBetter(owns, targets, reached)) return;
    await this.#deal(before, limit, reached, targets, Object.fromEntries(away));
  }

  async #deal(
    before: StoredLimit,
    limit: Limit,
    looks: readonly Look[],
    targets: readonly Share[],
    away: Record<string, Share>,
  ): Promise<void> {
    const next = { ...before, version: before.version + 1 };
    const parts: Lowered[] = [];
    for (const [place, { part, own, running }] of looks.entries()) {
      const share = lowered(own, targets[place] as Share);
      const now = isSame(share, own) ? running : await setShare(part.engine, next, share);
      if (now === null) return; // a newer deal is under way
      parts.push({ share, running: now });
    }
    const dealt = raised(limit.concurrency ?? 0, parts, targets);
    const shares = Object.fromEntries(looks.map(({ part }, place) => [part.name, dealt[place] as Share]));
    const written = await this.#client.sharedLimits.write(before.name, before, {
      version: next.version,
      limit: before.limit,
      queues: before.queues,
      shares: { ...away, ...shares },
    });
    if (!written) return this.#tidy(before, looks);
    for (const [place, { part }] of looks.entries()) {
      const share = dealt[place] as Share;
      if (!isSame(share, parts[place]?.share)) await setShare(part.engine, written, share);
    }
  }

  /**
   * Called if another process has written the limit meanwhile. If the limit was removed, removes the shares that this
   * process has given.
   */
  async #tidy(limit: StoredLimit, looks: readonly Look[]): Promise<void> {
    if ((await this.#client.sharedLimits.all()).some(({ name }) => name === limit.name)) return;
    for (const { part } of looks) await setShare(part.engine, { ...limit, version: limit.version + 2 }, null);
  }

  /** Returns the partitions of these queues that exist. */
  async #parts({ queues }: { queues: readonly string[] }, known: ReadonlySet<string>): Promise<Part[]> {
    const parts = await Promise.all(queues.map((queue) => this.#partsOf(queue)));
    return parts.flatMap(({ all }) => all.filter(({ name }) => known.has(name)));
  }

  async #lookAt({ name, limit }: StoredLimit, part: Part): Promise<Look> {
    const periodMs = limit.rate?.periodMs ?? 0;
    const [raw, text] = await Promise.all([
      part.engine.stats(),
      this.#client.connection.command<string | null>("HGET", part.engine.keys.state, "#limits"),
    ]);
    const { processing, pending, totals } = queueStats(part.name, raw);
    const grants = totals.attempts;
    const id = `${name} ${part.name}`;
    const last = this.#started.get(id);
    const atMs = performance.now();
    this.#started.set(id, { grants, atMs });
    return {
      part,
      running: processing,
      waiting: pending,
      starts: last && atMs > last.atMs ? ((grants - last.grants) * periodMs) / (atMs - last.atMs) : 0,
      own: parseShares(text ?? "").find((share) => share.name === name)?.share,
    };
  }
}

/** Returns the name of the limit that the partitions of a queue share. No other limit has a slash in its name. */
export const partitionLimit = (queue: string) => `${queue}/`;
export const isOfPartitions = (name: string) => name.endsWith("/");

/** Returns the limit of all tasks of a queue, which its partitions share; undefined if the queue has none. */
export function wholeLimit({ queue: { concurrency, rate } = {} }: QueueLimits): Limit | undefined {
  if (concurrency === undefined && rate === undefined) return undefined;
  return { ...(concurrency === undefined ? {} : { concurrency }), ...(rate === undefined ? {} : { rate }) };
}

/** Returns the limits that each partition has for itself: all except the limit of the queue as a whole. */
export function partitionLimits({ queue, ...limits }: QueueLimits): QueueLimits {
  return queue?.weight === undefined ? limits : { ...limits, queue: { weight: queue.weight } };
}

/**
 * Throws if a limit is too low to be divided.
 * @param field the name of the limit in the error
 * @param parts how many queues or partitions share it
 * @throws HoldfastError invalid_argument
 */
export function checkDivided(field: string, limit: Limit, parts: number): Limit {
  const lack = lacking(limit, parts);
  if (lack === undefined) return limit;
  const name = `${field}.${lack.field}`;
  throw new HoldfastError(
    "invalid_argument",
    `${name} is divided among ${parts} queues or partitions, so it has to be at least ${lack.least}`,
    { field: name },
  );
}

const nothing = ({ concurrency, rate }: Limit): Share => ({
  ...(concurrency === undefined ? {} : { concurrency: 0 }),
  ...(rate === undefined ? {} : { rate: 0 }),
});

function isMember({ queues }: { queues: readonly string[] }, part: string): boolean {
  return queues.some((queue) => part === queue || part.startsWith(`${queue}/`));
}

/** Returns the limit that is left for the other queues. @param shares the shares of queues that cannot be reached */
function without(limit: Limit, shares: readonly Share[]): Limit {
  const sum = (of: (share: Share) => number) => shares.reduce((total, share) => total + of(share), 0);
  const { concurrency, rate } = limit;
  return {
    ...(concurrency === undefined
      ? {}
      : { concurrency: concurrency - sum((share) => share.held ?? share.concurrency ?? 0) }),
    ...(rate === undefined ? {} : { rate: { ...rate, limit: rate.limit - sum((share) => share.rate ?? 0) } }),
  };
}

const isSame = (a: Share, b: Share | undefined) =>
  b !== undefined && a.concurrency === b.concurrency && a.rate === b.rate && a.burst === b.burst;

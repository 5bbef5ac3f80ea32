import {
  HoldfastError,
  LIMITS,
  type QueueSettings,
  type QueueStats,
  type TaskView,
} from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import type { AuditReport } from "../engine/audit.ts";
import { checkTaskId, queueOfPartition } from "../engine/names.ts";
import type { DeadLetterGroups, DiscardResult, ReplayResult } from "../observer/dead-letters.ts";
import type { EmptiedState } from "../observer/emptied.ts";
import type { DeadLetterFilter } from "../observer/filter.ts";
import { Observer, type ObserverOptions } from "../observer/observer.ts";
import { observerShape } from "../observer/observer-options.ts";
import type { ListOptions, TaskPage } from "../observer/task-list.ts";
import type { Why } from "../observer/why.ts";
import { checkShape } from "../options/shape.ts";
import { mergeGroups, mergeSettings, mergeStats, splitSettings } from "./merge-stats.ts";
import { type Partitions, partitionName, partitionNames, partitionOfId } from "./partition-names.ts";
import { PartitionRegistry } from "./partition-registry.ts";

const SCANNED = 1_000;

/**
 * An observer that shows a partitioned queue as one: counts are summed, ids are looked up in their partition, operators'
 * actions go to all. Lists go partition by partition. Other queues are as `Observer` has them.
 */
export class PartitionedObserver extends Observer {
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #registry: PartitionRegistry;

  constructor(options: ObserverOptions) {
    checkShape(observerShape, options);
    const { client, isOwn } = clientOf(options);
    super({ client });
    this.#client = client;
    this.#ownsClient = isOwn;
    this.#registry = new PartitionRegistry(client);
  }

  /** How many partitions a queue has, null where it is not partitioned. */
  async partitions(queue: string): Promise<number | null> {
    return (await this.#registry.get(queue))?.count ?? null;
  }

  /**
   * Raises the number of partitions; the new ones are paused and configured as the others are. Tasks stay where they
   * are. Producers take the new number when they start again, workers see it by themselves.
   * @throws HoldfastError conflict: fewer than there are; queue_not_found: not a partitioned queue
   */
  async grow(queue: string, count: number): Promise<{ partitions: number }> {
    const before = await this.#registry.open(queue);
    const { settings, paused, pauseReason, pausedBy } = await super.stats(partitionName(queue, 0));
    for (const name of partitionNames(queue, count).slice(before.count)) {
      const engine = this.#client.engine(name);
      await engine.configure(settings);
      if (paused) await engine.pause(true, pauseReason ?? "", pausedBy ?? "");
    }
    return { partitions: (await this.#registry.grow(queue, count)).count };
  }

  override async queues(): Promise<string[]> {
    return [...new Set((await super.queues()).map((queue) => queueOfPartition(queue) ?? queue))].sort();
  }

  override async stats(queue: string): Promise<QueueStats> {
    const parts = await this.#each(queue, (name) => super.stats(name));
    return parts ? mergeStats(queue, parts) : super.stats(queue);
  }

  override async snapshot(): Promise<QueueStats[]> {
    const merged: QueueStats[] = [];
    const parts = new Map<string, QueueStats[]>();
    for (const stats of await super.snapshot()) {
      const queue = queueOfPartition(stats.queue);
      if (queue === null) merged.push(stats);
      else parts.set(queue, [...(parts.get(queue) ?? []), stats]);
    }
    for (const [queue, all] of parts) merged.push(mergeStats(queue, all));
    return merged.sort((a, b) => (a.queue < b.queue ? -1 : 1));
  }

  override async task(queue: string, id: string): Promise<TaskView | null> {
    const name = await this.#partOf(queue, id);
    if (name === null) return null;
    const task = await super.task(name, id);
    return task && { ...task, queue };
  }

  override async why(queue: string, id: string): Promise<Why | null> {
    const name = await this.#partOf(queue, id);
    return name === null ? null : super.why(name, id);
  }

  override async cancel(
    queue: string,
    id: string,
  ): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    const name = await this.#partOf(queue, id);
    return name === null ? "not_found" : super.cancel(name, id);
  }

  /** Partition by partition: in order within each. */
  override async list(queue: string, options: ListOptions): Promise<TaskPage> {
    const partitions = await this.#registry.get(queue);
    if (!partitions) return super.list(queue, options);
    const { cursor, limit = 50, ...rest } = options;
    let [at, inner] = decodeCursor(cursor, partitions);
    const page: TaskPage = {
      tasks: [],
      cursor: null,
      scanned: 0,
      total: (await this.stats(queue))[options.state],
    };
    for (;;) {
      const part = await super.list(partitionName(queue, at), {
        ...rest,
        limit: limit - page.tasks.length,
        ...(inner === "" ? {} : { cursor: inner }),
      });
      page.tasks.push(...part.tasks.map((task) => ({ ...task, queue })));
      page.scanned += part.scanned;
      if (part.cursor === null) at++;
      inner = part.cursor ?? "";
      if (at >= partitions.count) return page;
      if (page.tasks.length >= limit || page.scanned >= SCANNED || inner !== "")
        return { ...page, cursor: `${at}~${inner}` };
    }
  }

  override async deadLetterGroups(
    queue: string,
    options: { scan?: number; signal?: AbortSignal } = {},
  ): Promise<DeadLetterGroups> {
    const partitions = await this.#registry.get(queue);
    if (!partitions) return super.deadLetterGroups(queue, options);
    const scan = Math.ceil((options.scan ?? LIMITS.groupedDeadLetters) / partitions.count);
    const parts = await this.#each(queue, (name) => super.deadLetterGroups(name, { ...options, scan }));
    return mergeGroups(parts ?? []);
  }

  override async replay(
    queue: string,
    ids: readonly string[],
    options: { to?: string; payloadText?: string } = {},
  ): Promise<ReplayResult[]> {
    const { to, ...here } = options;
    if (to !== undefined && to !== queue && (await this.#registry.get(to)))
      throw new HoldfastError("invalid_argument", `queue "${to}" is partitioned: replay in the same queue`);
    const partitions = await this.#registry.get(queue);
    if (!partitions) return super.replay(queue, ids, options);
    if (options.payloadText !== undefined && ids.length !== 1)
      throw new HoldfastError("invalid_argument", "a new payload goes with exactly one id");
    const other = to === undefined || to === queue ? here : options;
    return this.#perId(queue, ids, partitions, (name, own) => super.replay(name, own, other));
  }

  override async discard(queue: string, ids: readonly string[]): Promise<DiscardResult[]> {
    const partitions = await this.#registry.get(queue);
    if (!partitions) return super.discard(queue, ids);
    return this.#perId(queue, ids, partitions, (name, own) => super.discard(name, own));
  }

  override async matchDead(
    queue: string,
    filter: DeadLetterFilter = {},
    bounds: { matched?: number; scanned?: number; signal?: AbortSignal } = {},
  ): Promise<{ matched: number; scanned: number; total: number; isWhole: boolean }> {
    const parts = await this.#each(queue, (name) => super.matchDead(name, filter, bounds));
    if (!parts) return super.matchDead(queue, filter, bounds);
    type Match = NonNullable<typeof parts>[number];
    const sum = (of: (part: Match) => number) => parts.reduce((all, part) => all + of(part), 0);
    return {
      matched: sum(({ matched }) => matched),
      scanned: sum(({ scanned }) => scanned),
      total: sum(({ total }) => total),
      isWhole: parts.every(({ isWhole }) => isWhole),
    };
  }

  override async pause(queue: string, reason = "", by = ""): Promise<void> {
    if (!(await this.#each(queue, (name) => super.pause(name, reason, by))))
      await super.pause(queue, reason, by);
  }

  override async resume(queue: string): Promise<void> {
    if (!(await this.#each(queue, (name) => super.resume(name)))) await super.resume(queue);
  }

  /** The cap of waiting tasks and the number of kept ones are divided among the partitions, rounded up. */
  override async configure(queue: string, settings: Partial<QueueSettings>): Promise<QueueSettings> {
    const partitions = await this.#registry.get(queue);
    if (!partitions) return super.configure(queue, settings);
    const split = splitSettings(settings, partitions.count);
    const parts = await this.#each(queue, (name) => super.configure(name, split));
    return mergeSettings(parts ?? []);
  }

  override async empty(queue: string, states: readonly EmptiedState[]): Promise<{ removed: number }> {
    const parts = await this.#each(queue, (name) => super.empty(name, states));
    if (!parts) return super.empty(queue, states);
    return { removed: parts.reduce((sum, { removed }) => sum + removed, 0) };
  }

  override async deleteQueue(queue: string): Promise<{ removed: number }> {
    const partitions = await this.#registry.get(queue);
    if (!partitions) return super.deleteQueue(queue);
    // All or none, as far as one can see before: a refusal at the last must not find the first deleted.
    const { paused, processing } = await this.stats(queue);
    if (!paused)
      throw new HoldfastError(
        "queue_not_paused",
        `queue "${queue}" has to be paused before it can be deleted`,
      );
    if (processing > 0)
      throw new HoldfastError("queue_busy", `${processing} tasks of queue "${queue}" are processing`);
    let removed = 0;
    const registered = new Set(await super.queues());
    for (const name of partitionNames(queue, partitions.count))
      if (registered.has(name)) removed += (await super.deleteQueue(name)).removed;
    await this.#registry.forget(queue);
    return { removed };
  }

  override async audit(queue: string, options: { repair?: boolean } = {}): Promise<AuditReport> {
    const parts = await this.#each(queue, (name) => super.audit(name, options));
    if (!parts) return super.audit(queue, options);
    return {
      queue,
      violations: parts.flatMap((part) =>
        part.violations.map(({ invariant, detail }) => ({ invariant, detail: `${part.queue}: ${detail}` })),
      ),
      repaired: parts.reduce((sum, { repaired }) => sum + repaired, 0),
    };
  }

  override async close(): Promise<void> {
    if (this.#ownsClient) await this.#client.close();
  }

  /** Null where the queue is not partitioned. */
  async #each<T>(queue: string, act: (name: string) => Promise<T>): Promise<T[] | null> {
    const partitions = await this.#registry.get(queue);
    return partitions && Promise.all(partitionNames(queue, partitions.count).map(act));
  }

  /** The queue itself where it is not partitioned; null where the id names a partition that is not there. */
  async #partOf(queue: string, id: string): Promise<string | null> {
    checkTaskId(id);
    const partitions = await this.#registry.get(queue);
    if (!partitions) return queue;
    const partition = partitionOfId(id, partitions);
    return partition < partitions.count ? partitionName(queue, partition) : null;
  }

  async #perId<T extends { id: string; outcome: string }>(
    queue: string,
    ids: readonly string[],
    partitions: Partitions,
    act: (name: string, ids: string[]) => Promise<T[]>,
  ): Promise<(T | { id: string; outcome: "not_found" })[]> {
    if (ids.length > LIMITS.scriptTasks)
      throw new HoldfastError(
        "invalid_argument",
        `at most ${LIMITS.scriptTasks} ids a call, got ${ids.length}`,
      );
    const byPartition = new Map<number, string[]>();
    for (const id of ids) {
      const partition = partitionOfId(checkTaskId(id), partitions);
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), id]);
    }
    const results = new Map<string, T>();
    for (const [partition, own] of byPartition) {
      if (partition >= partitions.count) continue;
      for (const result of await act(partitionName(queue, partition), own)) results.set(result.id, result);
    }
    return ids.map((id) => results.get(id) ?? { id, outcome: "not_found" as const });
  }
}

function decodeCursor(cursor: string | undefined, { count }: Partitions): [at: number, inner: string] {
  if (cursor === undefined) return [0, ""];
  const match = /^(\d{1,3})~([A-Za-z0-9_-]*)$/.exec(cursor);
  if (!match || Number(match[1]) >= count)
    throw new HoldfastError("invalid_cursor", "this cursor is not valid: start again without one");
  return [Number(match[1]), match[2] ?? ""];
}

import { LIMITS } from "@holdfast/contracts";
import type { EnqueueResult, GivenUp, Observer, Queue } from "holdfast";
import { EXIT, exitCodeOf, messageOf } from "../exit.ts";
import { type Job, type Mapped, type Mapping, type MovedState, taskOfJob } from "./bullmq-job.ts";
import type { BullMqSource } from "./bullmq-source.ts";
import { Notes, type StateCounts } from "./report.ts";

type MappedTask = Mapped & { kind: "task" };

/** The queue that receives the tasks; null in a dry run. */
export type Target = { queue: Queue; observer: Observer } | null;

export interface ImportOptions {
  states: readonly MovedState[];
  mapping: Mapping;
  /** Removes each job from BullMQ once its task is stored. */
  remove: boolean;
  signal: AbortSignal;
}

const PAGE = LIMITS.scriptTasks;

/** Moves the jobs of a BullMQ queue by pages. If a run ends early, no job is lost, and the next continues. */
export class BullMqImport {
  readonly counts: StateCounts[] = [];
  readonly notes = new Notes();
  readonly #source: BullMqSource;
  readonly #target: Target;
  readonly #options: ImportOptions;

  constructor(source: BullMqSource, target: Target, options: ImportOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  /**
   * @throws HoldfastError redis_*, outcome_unknown. `counts` then has the jobs that were moved before.
   */
  async run(): Promise<void> {
    for (const state of this.#options.states) {
      const counts = { state, read: 0, moved: 0, alreadyThere: 0, skipped: 0, refused: 0, removed: 0 };
      this.counts.push(counts);
      // The offset counts only jobs that stay in BullMQ. A removed job makes the jobs behind it move up, so it must
      // not count.
      for (let stayed = 0; !this.#options.signal.aborted; ) {
        const jobs = await this.#source.page(state, stayed, PAGE);
        if (jobs.length === 0) break;
        const removedBefore = counts.removed;
        await this.#movePage(jobs, counts);
        stayed += jobs.length - (counts.removed - removedBefore);
      }
    }
  }

  get refused(): number {
    return this.counts.reduce((sum, { refused }) => sum + refused, 0);
  }

  get moved(): number {
    return this.counts.reduce((sum, { moved }) => sum + moved, 0);
  }

  async #movePage(jobs: readonly Job[], counts: StateCounts): Promise<void> {
    counts.read += jobs.length;
    const mapped: { job: Job; task: MappedTask }[] = [];
    for (const job of jobs) {
      const result = await this.#mapped(job);
      if (result.kind === "task") mapped.push({ job, task: result });
      else {
        counts[result.kind]++;
        this.notes.add(result.kind, result.why, job.id);
      }
    }
    for (const { job, task } of mapped)
      for (const text of task.changes) this.notes.add("changed", text, job.id);
    if (this.#target === null) {
      counts.moved += mapped.length;
      return;
    }
    const stored = await this.#store(this.#target, mapped, counts);
    if (this.#options.remove) await this.#remove(counts, stored);
  }

  async #mapped(job: Job): Promise<Mapped> {
    const result = taskOfJob(job, this.#options.mapping);
    if (result.kind !== "task" || (await this.#source.isExact(job))) return result;
    return { kind: "refused", why: "the payload is not UTF-8" };
  }

  /**
   * @returns the jobs whose tasks are now in the target queue
   */
  async #store(
    { queue, observer }: NonNullable<Target>,
    mapped: readonly { job: Job; task: MappedTask }[],
    counts: StateCounts,
  ): Promise<Job[]> {
    const results = await queue.enqueueMany(mapped.map(({ task }) => task.task));
    const stored: Job[] = [];
    const dying: GivenUp[] = [];
    for (const [i, { job, task }] of mapped.entries()) {
      const result = results[i] as EnqueueResult;
      if (!result.ok) {
        this.#refuse(result, job, counts);
        continue;
      }
      const { duplicate, state } = result.receipt;
      counts[duplicate ? "alreadyThere" : "moved"]++;
      stored.push(job);
      // A failed job is stored as a scheduled task, which `giveUp` then makes a dead letter. A task of an earlier run
      // is included, because that run may have been killed before `giveUp`.
      if (task.givenUp !== null && state === "scheduled") dying.push(task.givenUp);
    }
    if (dying.length > 0) await observer.giveUp(queue.name, dying);
    return stored;
  }

  /**
   * @throws HoldfastError if Redis cannot be reached, since all other jobs would be refused as well
   */
  #refuse({ error }: EnqueueResult & { ok: false }, job: Job, counts: StateCounts): void {
    const code = exitCodeOf(error);
    if (code === EXIT.unreachable || code === EXIT.refused) throw error;
    counts.refused++;
    const text =
      error.code === "task_conflict"
        ? "another task has its id, from another job with the same number: import into another queue"
        : messageOf(error);
    this.notes.add("refused", text, job.id);
  }

  async #remove(counts: StateCounts, stored: readonly Job[]): Promise<void> {
    const gone = await this.#source.remove(counts.state, stored);
    for (const [i, job] of stored.entries()) {
      if (gone[i]) counts.removed++;
      else
        this.notes.add(
          "kept",
          "BullMQ has given it to a worker, or it was changed: it is in both queues",
          job.id,
        );
    }
  }
}

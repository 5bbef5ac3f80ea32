import {
  type BulkChange,
  type ChangeResult,
  HoldfastError,
  type StaleVerdict,
  type TaskChange,
  type TaskSteps,
  type TaskView,
} from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { checkTaskId } from "../engine/names.ts";
import { readStale } from "../engine/stale-ledger.ts";
import { readSteps, SHOWN_STEPS, type SignalOutcome, sendSignal, stepsView } from "../engine/steps.ts";
import { runBulk } from "../operations/bulk.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import type { PartitionRegistry } from "../partitions/partition-registry.ts";
import { perId } from "../partitions/parts.ts";
import { checkEvent, signalText } from "../steps/events.ts";
import { changeIds, checkBulkChange } from "./change.ts";
import { type DiscardResult, discardDead, type ReplayResult, replayIds } from "./dead-letters.ts";
import { bulkFilterOf, type DeadLetterFilter, type TaskFilter } from "./filter.ts";
import { type GivenUp, type GiveUpResult, giveUpTasks } from "./give-up.ts";
import { type MatchedState, matchTasks, type TaskMatch } from "./match.ts";
import * as checks from "./observer-options.ts";
import { type SearchOptions, searchTasks } from "./search.ts";
import { findTask, type ListOptions, listTasks, type TaskPage } from "./task-list.ts";

/** Shows tasks to an operator, and changes one, several by their ids, or all that match a filter. */
export class TaskOperator {
  readonly #client: Holdfast;
  readonly #partitions: PartitionRegistry;

  constructor(client: Holdfast, partitions: PartitionRegistry) {
    this.#client = client;
    this.#partitions = partitions;
  }

  async task(queue: string, id: string): Promise<TaskView | null> {
    checkTaskId(id);
    return (await findTask(await this.#partitions.known(queue), id))?.task ?? null;
  }

  /** Gives a signal to a task: see `Queue.signal`. */
  async signal(queue: string, id: string, event: string, data?: unknown): Promise<SignalOutcome> {
    checkTaskId(id);
    checkEvent(event);
    const text = signalText(data);
    const part = (await this.#partitions.known(queue)).ofId(id);
    return part ? sendSignal(part.engine, id, event, text) : "not_found";
  }

  /** Returns the durable steps of a task, without their results; null if it has neither steps nor signals. */
  async steps(queue: string, id: string): Promise<TaskSteps | null> {
    checkTaskId(id);
    const part = (await this.#partitions.known(queue)).ofId(id);
    if (!part) return null;
    const { engine } = part;
    return stepsView(await readSteps(engine, id, SHOWN_STEPS), engine.connection.now());
  }

  /**
   * Returns a page of the tasks in a state. With a filter, a page ends when it is full or after 1,000 tasks were read,
   * so it may have few tasks and still a cursor. The tasks of partitions come one partition after the other.
   * @throws HoldfastError invalid_argument (also for a filter with an unknown field), invalid_cursor, queue_not_found
   */
  async list(queue: string, options: ListOptions): Promise<TaskPage> {
    return listTasks(await this.#partitions.known(queue), options);
  }

  /**
   * Returns a page of the tasks of some queues, in all states in which a task can match. A page ends as in `list`. If
   * the query names ids, only these tasks are read.
   * @throws HoldfastError invalid_argument, invalid_cursor, queue_not_found
   */
  async search(queues: readonly string[], options: SearchOptions = {}): Promise<TaskPage> {
    return searchTasks(await Promise.all(queues.map((queue) => this.#partitions.known(queue))), options);
  }

  /**
   * Replays dead letters by their ids, at most 500.
   * @param options.payloadText a new payload; needs exactly one id
   * @param options.force whether to replay a task even if another task holds its unique key
   * @returns one result per id, in the order given
   */
  async replay(
    queue: string,
    ids: readonly string[],
    options: checks.ReplayOptions = {},
  ): Promise<ReplayResult[]> {
    checkShape(checks.replayShape, options);
    return replayIds(await this.#partitions.known(queue), ids, options, (to) => this.#partitions.opened(to));
  }

  /**
   * Replays all matching dead letters that existed at the time of the call, oldest first. This is an operation, which
   * is listed with others and can be paused and cancelled. It runs in this process; if the process ends, a service
   * continues it. Tasks whose unique key another task holds are skipped, unless `options.force` is true.
   * @throws HoldfastError invalid_argument (also for a filter with an unknown field), queue_not_found, rate_limited
   * (too many operations run), conflict (somebody cancelled it)
   */
  async replayAll(
    queue: string,
    filter: DeadLetterFilter = {},
    options: checks.BulkOptions = {},
  ): Promise<{ replayed: number; skipped: number }> {
    const { replayed = 0, skipped = 0 } = await this.#bulk("replay", queue, filter, options);
    return { replayed, skipped };
  }

  /** Discards dead letters by their ids, at most 500. @returns one result per id, in the order given */
  async discard(queue: string, ids: readonly string[]): Promise<DiscardResult[]> {
    return perId(await this.#partitions.known(queue), ids, (part, own) => discardDead(part.engine, own));
  }

  /**
   * Makes dead letters of scheduled tasks that died in another system, at most 500. The call can be repeated. These
   * tasks do not count in `totals.deadLettered` of the queue, because they did not fail here.
   * @returns one result per task, in the order given
   * @throws HoldfastError invalid_*, queue_not_found
   */
  async giveUp(queue: string, tasks: readonly GivenUp[]): Promise<GiveUpResult[]> {
    return giveUpTasks(await this.#partitions.known(queue), tasks);
  }

  /** Discards all matching dead letters in an operation, like `replayAll`. It can be undone for ten minutes. */
  async discardAll(
    queue: string,
    filter: DeadLetterFilter = {},
    options: checks.BulkOptions = {},
  ): Promise<{ discarded: number; skipped: number }> {
    const { discarded = 0, skipped = 0 } = await this.#bulk("discard", queue, filter, options);
    return { discarded, skipped };
  }

  async countDead(queue: string, filter: DeadLetterFilter = {}): Promise<number> {
    return (await this.matchDead(queue, filter)).matched;
  }

  /** Counts the matching dead letters. @param bounds when to stop in each partition */
  async matchDead(
    queue: string,
    filter: DeadLetterFilter = {},
    bounds: checks.MatchBounds = {},
  ): Promise<TaskMatch> {
    return this.#match("dead", queue, filter, bounds);
  }

  /** Counts the matching scheduled tasks, like `matchDead`. */
  async matchScheduled(
    queue: string,
    filter: TaskFilter = {},
    bounds: checks.MatchBounds = {},
  ): Promise<TaskMatch> {
    return this.#match("scheduled", queue, filter, bounds);
  }

  async #match(state: MatchedState, queue: string, filter: TaskFilter, bounds: checks.MatchBounds) {
    checkShape(checks.matchShape, bounds);
    // The filter is checked first, so that a wrong filter is reported even if the queue does not exist.
    bulkFilterOf(filter, 0);
    return matchTasks(await this.#partitions.known(queue), state, filter, bounds);
  }

  /**
   * Changes the time, the priority, the key or the payload of waiting tasks. All tasks get the same change, at most
   * 500.
   * @param change a new payload needs exactly one id
   * @returns one result per id, in the order given
   * @throws HoldfastError invalid_*, payload_too_large, queue_not_found
   */
  async change(queue: string, ids: readonly string[], change: TaskChange): Promise<ChangeResult[]> {
    return changeIds(await this.#partitions.known(queue), ids, change);
  }

  /**
   * Changes all matching tasks that were scheduled at the time of the call, as an operation like that of `replayAll`.
   * `{ delayMs: 0 }` runs all of them now, including retries.
   * @throws HoldfastError as `replayAll`
   */
  async changeAll(
    queue: string,
    filter: TaskFilter,
    change: BulkChange,
    options: Omit<checks.BulkOptions, "to"> = {},
  ): Promise<{ changed: number; skipped: number }> {
    const done = await this.#bulk("change", queue, filter, options, checkBulkChange(change));
    return { changed: done.changed ?? 0, skipped: done.skipped ?? 0 };
  }

  async cancel(queue: string, id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    checkTaskId(id);
    for (const { engine } of (await this.#partitions.known(queue)).allOfId(id)) {
      const outcome = await engine.cancel(id);
      if (outcome !== "not_found") return outcome;
    }
    return "not_found";
  }

  /** Returns which acks and failures came too late, newest first, at most 100. @throws HoldfastError queue_not_found */
  async staleVerdicts(queue: string, limit = 100): Promise<StaleVerdict[]> {
    checkArgument("limit", checks.staleLimit, limit);
    return readStale(await this.#partitions.known(queue), limit);
  }

  /** Runs an operation to its end. @returns the number of tasks by outcome */
  async #bulk(
    kind: "replay" | "discard" | "change",
    queue: string,
    filter: TaskFilter,
    options: checks.BulkOptions,
    change?: BulkChange,
  ): Promise<Record<string, number>> {
    checkShape(checks.bulkShape, options);
    if (options.to !== undefined && kind !== "replay")
      throw new HoldfastError(
        "invalid_argument",
        'only a replay can have "to": replayAll(queue, filter, { to })',
      );
    options.signal?.throwIfAborted();
    const { matched: total } = await this.#match(change ? "scheduled" : "dead", queue, filter, {});
    return runBulk(this.#client, { kind, queue, filter, total, ...(change ? { change } : {}) }, options);
  }
}

import { HoldfastError, type TaskSchedule, type TaskState } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { bandOf } from "../engine/envelope.ts";
import type { ScheduleDefinition } from "../engine/schedule-runs.ts";
import type { Request } from "../engine/task-scripts.ts";
import { taskView } from "../engine/task-view.ts";
import { idInPartition } from "../partitions/partition-names.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import type { Part } from "../partitions/parts.ts";
import { envelopeOf, taskOptions } from "./definition.ts";

export interface Enqueued {
  outcome: "enqueued" | "duplicate" | "full" | "deduplicated" | "replaced";
  /** The id of the task; with `deduplicated` and `replaced`, of the task that holds the unique key. */
  taskId: string;
}

/** Returns the id of the task of one occurrence. Enqueueing this id again adds no task. */
export const occurrenceId = (scheduleId: string, at: number) => `${scheduleId}:${at}`;

// The outcome by the letter of the verdict (engine/enqueue-answer.ts). d and c mean that the occurrence has a task
// already, perhaps from an earlier definition, and it should have only one.
const OUTCOMES: Record<string, Enqueued["outcome"]> = {
  ...{ n: "enqueued", p: "enqueued", a: "enqueued", d: "duplicate", c: "duplicate", f: "full" },
  ...{ o: "deduplicated", u: "deduplicated", x: "deduplicated", r: "replaced" },
};

/** Finds and enqueues the tasks of schedules, in queues with or without partitions. */
export class TaskPlace {
  readonly #partitions: PartitionRegistry;

  constructor(client: Holdfast) {
    this.#partitions = new PartitionRegistry(client);
  }

  /** Returns the engine of the partition to which this task id belongs. */
  async #engineOf(queue: string, id: string): Promise<Engine> {
    const part = (await this.#partitions.parts(queue)).ofId(id);
    // These ids name no partition, so `ofId` always returns one.
    return (part as Part).engine;
  }

  /** Registers a queue if needed. @throws HoldfastError redis_* */
  async register(queue: string): Promise<void> {
    const { partitions, all } = await this.#partitions.parts(queue);
    // Partitions were registered when they were created.
    if (!partitions) await all[0]?.engine.open();
  }

  /** Returns the state of a task; null if the task does not exist any more. */
  async stateOf(queue: string, id: string): Promise<TaskState | null> {
    const engine = await this.#engineOf(queue, id);
    const [raw] = await engine.get([id]);
    return (raw && taskView(queue, raw)?.state) ?? null;
  }

  /**
   * Enqueues the task of an occurrence.
   * @param id the id of the task, unless its unique key decides the partition
   * @param request a request id; without it, only the task id prevents a second task
   */
  async enqueue(
    definition: ScheduleDefinition,
    id: string,
    occurrence: TaskSchedule,
    now: number,
    request?: Request,
  ): Promise<Enqueued> {
    const options = taskOptions(definition.options, occurrence.dueAt);
    const parts = await this.#partitions.parts(definition.queue);
    const { unique } = options;
    // The unique key decides the partition of the task, so the id has to contain that partition.
    const place = unique && parts.partitions ? parts.placeOfKey(unique.key) : null;
    const taskId = place === null ? id : idInPartition(place, id);
    const band = bandOf(options);
    const { verdicts, owners } = await (parts.ofId(taskId) as Part).engine.enqueue(
      {
        // With `once`, no second task is enqueued for the occurrence, even if its task failed.
        checked: true,
        once: true,
        unique: unique !== undefined,
        high: band === "high" ? 1 : 0,
        normal: band === "normal" ? 1 : 0,
        low: band === "low" ? 1 : 0,
        keyed: band === "keyed" ? 1 : 0,
        tail: [taskId, envelopeOf(definition, occurrence, now)],
      },
      request,
    );
    return { outcome: OUTCOMES[verdicts] ?? "duplicate", taskId: owners?.[0] ?? taskId };
  }

  /**
   * Returns the request id of an occurrence. The times of a schedule only grow, so if a janitor sends an occurrence
   * late, after later ones, Redis refuses it, even if its task was removed long ago.
   */
  requestOf(scheduleId: string, at: number): Request {
    return { requestSlot: `#q:schedule:${scheduleId}`, sequence: at };
  }
}

/** Returns whether Redis has refused the request because a later occurrence of the schedule was enqueued. */
export const isOvertaken = (error: unknown) =>
  error instanceof HoldfastError &&
  error.code === "outcome_unknown" &&
  String((error.cause as Error | undefined)?.message).startsWith("HOLDFAST_OLD_REQUEST");

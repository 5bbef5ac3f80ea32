import { HoldfastError, type TaskState } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { bandOf } from "../engine/envelope.ts";
import type { Request } from "../engine/requests.ts";
import type { ScheduleDefinition } from "../engine/schedule-runs.ts";
import { taskView } from "../engine/task-view.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import type { Part } from "../partitions/parts.ts";
import { envelopeOf, taskOptions } from "./definition.ts";

export type Enqueued = "enqueued" | "duplicate" | "full";

/** The id of the task of one occurrence. A second enqueue with this id adds no task. */
export const occurrenceId = (scheduleId: string, at: number) => `${scheduleId}:${at}`;

/** Finds the tasks of schedules in their queues, which may have partitions. */
export class TaskPlace {
  readonly #partitions: PartitionRegistry;

  constructor(client: Holdfast) {
    this.#partitions = new PartitionRegistry(client);
  }

  /** The engine where a task with that id is, or would be put. */
  async #engineOf(queue: string, id: string): Promise<Engine> {
    const part = (await this.#partitions.parts(queue)).ofId(id);
    // The id of an occurrence names no partition, so `ofId` always finds a part.
    return (part as Part).engine;
  }

  /** Makes a queue known. @throws HoldfastError redis_* */
  async register(queue: string): Promise<void> {
    const { partitions, all } = await this.#partitions.parts(queue);
    // Partitions are registered when they are created.
    if (!partitions) await all[0]?.engine.open();
  }

  /** The state of a task; null if the task does not exist any more. */
  async stateOf(queue: string, id: string): Promise<TaskState | null> {
    const engine = await this.#engineOf(queue, id);
    const [raw] = await engine.get([id]);
    return (raw && taskView(queue, raw)?.state) ?? null;
  }

  /** @param request without it, only the id keeps the task from being enqueued twice */
  async enqueue(
    definition: ScheduleDefinition,
    id: string,
    at: number,
    now: number,
    request?: Request,
  ): Promise<Enqueued> {
    const engine = await this.#engineOf(definition.queue, id);
    const band = bandOf(taskOptions(definition.options, at));
    const { verdicts } = await engine.enqueue(
      {
        // An occurrence is one task, however that task ended.
        checked: true,
        once: true,
        high: band === "high" ? 1 : 0,
        normal: band === "normal" ? 1 : 0,
        low: band === "low" ? 1 : 0,
        keyed: band === "keyed" ? 1 : 0,
        tail: [id, envelopeOf(definition, at, now)],
      },
      request,
    );
    // A conflict means that an older definition enqueued the task of this time. It counts as done, because each
    // occurrence is one task.
    return verdicts === "n" || verdicts === "p" ? "enqueued" : verdicts === "f" ? "full" : "duplicate";
  }

  /**
   * The request id of an occurrence. The times of a schedule only grow. So if a janitor sends an occurrence late, after
   * later ones, Redis refuses it, even if its task is gone for long.
   */
  requestOf(scheduleId: string, at: number): Request {
    return { requestSlot: `#q:schedule:${scheduleId}`, sequence: at };
  }
}

/** Whether Redis has already answered a later occurrence of the same schedule. */
export const isOvertaken = (error: unknown) =>
  error instanceof HoldfastError &&
  error.code === "outcome_unknown" &&
  String((error.cause as Error | undefined)?.message).startsWith("HOLDFAST_OLD_REQUEST");

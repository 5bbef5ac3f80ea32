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

/** The id of the task of one occurrence: enqueued twice it is one task. */
export const occurrenceId = (scheduleId: string, at: number) => `${scheduleId}:${at}`;

/** The tasks of schedules in their queues, partitioned ones included. */
export class TaskPlace {
  readonly #partitions: PartitionRegistry;

  constructor(client: Holdfast) {
    this.#partitions = new PartitionRegistry(client);
  }

  /** The place of a task with that id, or the place where it would go. */
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

  /** Null if that task does not exist any more. */
  async stateOf(queue: string, id: string): Promise<TaskState | null> {
    const engine = await this.#engineOf(queue, id);
    const [raw] = await engine.get([id]);
    return (raw && taskView(queue, raw)?.state) ?? null;
  }

  /** @param request if there is none, only the id keeps the task from being enqueued twice */
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
        // An occurrence is one task, however that ended.
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
    // A conflict is the task of this very time by an older definition: one task is what was promised.
    return verdicts === "n" || verdicts === "p" ? "enqueued" : verdicts === "f" ? "full" : "duplicate";
  }

  /**
   * The request id of an occurrence. A schedule's times only grow, so one that a janitor sends late, after others
   * is refused by Redis, however long its task is gone.
   */
  requestOf(scheduleId: string, at: number): Request {
    return { requestSlot: `#q:schedule:${scheduleId}`, sequence: at };
  }
}

/** Redis has answered a later occurrence of the same schedule already. */
export const isOvertaken = (error: unknown) =>
  error instanceof HoldfastError &&
  error.code === "outcome_unknown" &&
  String((error.cause as Error | undefined)?.message).startsWith("HOLDFAST_OLD_REQUEST");

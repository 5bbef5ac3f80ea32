import { HoldfastError, LIMITS, type LogLevel } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { decodeRecord } from "../engine/record.ts";
import { readSteps } from "../engine/steps.ts";
import { encodeLogLine } from "../engine/text.ts";
import { type ChildrenPage, childrenPage } from "../flows/node-flow.ts";
import { RedisSteps, type StepStore } from "../steps/step-store.ts";
import { checkpointText, logText, progressText } from "../worker/json-text.ts";

/** A task that a remote worker runs, and what the worker can do while it has the lease. */
export class RemoteAttempt {
  readonly id: string;
  readonly #fence: string;
  readonly #engine: Engine;

  constructor(id: string, fence: string, engine: Engine) {
    this.id = id;
    this.#fence = fence;
    this.#engine = engine;
  }

  /**
   * Stores progress or a checkpoint. @throws HoldfastError conflict if the lease is lost; invalid_argument,
   * payload_too_large, redis_*
   */
  async report({ progress, checkpoint }: { progress?: unknown; checkpoint?: unknown }): Promise<void> {
    await this.#write({
      ...(progress === undefined ? {} : { progress: progressText(progress) }),
      ...(checkpoint === undefined ? {} : { checkpoint: checkpointText(checkpoint) }),
    });
  }

  /** Adds a line to the log of the task. @throws HoldfastError conflict if the lease is lost; redis_* */
  log(line: string, level: LogLevel = "info"): Promise<void> {
    return this.#write({ line: encodeLogLine(logText(line), level) });
  }

  /** Returns the last checkpoint; undefined if there is none. @throws HoldfastError conflict if the lease is lost; redis_* */
  async checkpoint(): Promise<unknown> {
    await this.#checkLease();
    const text = await this.#engine.checkpoint(this.id);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /**
   * Returns the store of the durable steps.
   * @param added the step that will be written, to check that its result fits
   * @throws HoldfastError conflict if the lease is lost; payload_too_large; redis_*
   */
  async steps(added?: { name: string; text: string }): Promise<StepStore> {
    await this.#checkLease();
    if (added) await this.#checkRoom(added.name, Buffer.byteLength(added.text));
    const owner = { id: this.id, fence: this.#fence, engine: this.#engine, ended: false };
    // A remote worker suspends its attempt by settling it, so this does nothing.
    return new RedisSteps({ ...owner, suspend: () => {} });
  }

  /**
   * Reads a page of the nodes in the `after` of this node of a flow. A task without a flow has none.
   * @throws HoldfastError conflict if the lease is lost; redis_*
   */
  async children(from: number, limit: number): Promise<ChildrenPage> {
    const isNode = await this.#checkLease();
    return isNode
      ? childrenPage({ id: this.id, engine: this.#engine }, from, limit)
      : { children: [], next: -1 };
  }

  async #write(change: { progress?: string; checkpoint?: string; line?: string }): Promise<void> {
    if (!(await this.#engine.progress(this.id, this.#fence, change))) throw this.#lost();
  }

  /** Throws if the lease is lost. @returns whether the task is a node of a flow */
  async #checkLease(): Promise<boolean> {
    const { connection, keys } = this.#engine;
    const record = await connection.command<string | null>("HGET", keys.state, this.id);
    const { state, fence, onDead } = decodeRecord(record ?? "", false);
    if (state !== "processing" || fence !== this.#fence) throw this.#lost();
    return onDead !== null;
  }

  /** Throws if a result is too large. @throws HoldfastError payload_too_large */
  async #checkRoom(name: string, bytes: number): Promise<void> {
    const refuse = (what: string, most: number) => {
      const message = `${what} ${bytes} bytes of JSON, more than ${most}`;
      throw new HoldfastError("payload_too_large", message, { taskId: this.id, field: "result" });
    };
    if (bytes > LIMITS.stepResultBytes) refuse(`the result of step "${name}" has`, LIMITS.stepResultBytes);
    const stored = await readSteps(this.#engine, this.id, 1);
    if (stored.bytes + bytes > LIMITS.stepsBytes)
      refuse(`with ${stored.bytes} bytes of other steps, step "${name}" has`, LIMITS.stepsBytes);
  }

  #lost(): HoldfastError {
    return new HoldfastError(
      "conflict",
      `the lease of task ${this.id} is lost, so another worker may run it`,
      {
        taskId: this.id,
      },
    );
  }
}

import { asHoldfastError, type Durability, HoldfastError } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { confirmTasks } from "../engine/confirm.ts";
import type { Engine } from "../engine/engine.ts";
import { settingsText } from "../engine/settings-text.ts";
import { Connection } from "../redis/connection.ts";
import { type Capability, type DurabilityWish, readCapability } from "../redis/durability.ts";

/** How long a WAIT may take, ms. After that the outcome of the enqueue is reported as unknown. */
const WAIT_MS = 2_000;
// For this long, ms, the durability of the server and the setting of the queue are not read again.
const KNOWN_FOR_MS = 1_000;
// An enqueue waits at most this long until the setting was read again, ms. Then it uses the last known setting.
const REREAD_MS = 250;
const CALL_TASKS = 500;
const RETRY_AFTER_MS = 1_000;

interface Waiting {
  id: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** The connection of each client for WAIT, which blocks it. It is opened when it is first needed. */
const connections = new WeakMap<Holdfast, Connection>();

function connectionOf(client: Holdfast): Connection {
  let connection = connections.get(client);
  if (!connection) {
    const { redis } = client.connection;
    const commandTimeoutMs = (redis.commandTimeoutMs ?? 5_000) + WAIT_MS;
    connection = new Connection({ ...redis, commandTimeoutMs }, { name: "holdfast-confirm", share: true });
    connections.set(client, connection);
    client.alsoClose(connection);
  }
  return connection;
}

/** Knows the durability that one queue wants, and confirms that enqueues have reached it. */
export class DurabilityGate {
  readonly #client: Holdfast;
  readonly #engine: Engine;
  /** The setting of the queue, as it was last read. */
  default: Durability = "memory";
  /** Whether the setting was read too long ago, so that it has to be read again before use. */
  isOld = true;
  #reading: Promise<void> | undefined;
  readonly #capabilities = new Map<string, { at: number; capability: Promise<Capability> }>();
  readonly #waiting = new Map<string, { wish: DurabilityWish; tasks: Waiting[] }>();
  readonly #confirming = new Set<string>();

  constructor(client: Holdfast, engine: Engine) {
    this.#client = client;
    this.#engine = engine;
  }

  /** Reads the setting of the queue. If this fails or takes long, the last known setting is used. */
  reread(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      this.isOld = false;
      setTimeout(() => {
        this.isOld = true;
      }, KNOWN_FOR_MS).unref();
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const read = this.#client.connection
      .command<string | null>("HGET", this.#engine.keys.state, "#settings")
      .then((text) => {
        this.default = settingsText(text ?? "").settings.durability;
      })
      .catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, REREAD_MS);
    });
    await Promise.race([read, late]);
    clearTimeout(timer);
  }

  /** Called before the write. @throws HoldfastError durability_unavailable if this Redis cannot give the durability */
  async refuseImpossible(wish: DurabilityWish): Promise<void> {
    const capability = await this.#capability(wish);
    if ("refusal" in capability) {
      throw new HoldfastError(
        "durability_unavailable",
        `durability "${wish.durability}" cannot be given: ${capability.refusal}`,
      );
    }
  }

  /**
   * Called after the write. Resolves when the task has the durability that was asked for. One WAIT confirms all tasks
   * that were written before it.
   * @throws HoldfastError outcome_unknown with the id
   */
  confirm(id: string, wish: DurabilityWish): Promise<void> {
    const key = `${wish.durability} ${wish.replicas}`;
    return new Promise<void>((resolve, reject) => {
      let group = this.#waiting.get(key);
      if (!group) {
        group = { wish, tasks: [] };
        this.#waiting.set(key, group);
      }
      group.tasks.push({ id, resolve, reject });
      setImmediate(() => void this.#flush(key));
    });
  }

  async #flush(key: string): Promise<void> {
    const group = this.#waiting.get(key);
    // While one WAIT runs, further tasks are collected for the next one.
    if (!group || group.tasks.length === 0 || this.#confirming.has(key)) return;
    this.#confirming.add(key);
    const tasks = group.tasks.splice(0, CALL_TASKS);
    try {
      const known = await this.#wait(tasks, group.wish);
      tasks.forEach(({ id, resolve, reject }, i) => {
        if (known[i] === "y") resolve();
        else
          reject(
            unknown(
              id,
              "Redis no longer knows the task: Redis lost writes, or the task ended and was purged",
            ),
          );
      });
    } catch (error) {
      const reason = asHoldfastError(error).message;
      for (const { id, reject } of tasks) reject(unknown(id, reason));
    } finally {
      this.#confirming.delete(key);
      if (group.tasks.length > 0) void this.#flush(key);
    }
  }

  /** Waits for the confirmation. @returns a letter per task: y the task exists, n it does not */
  async #wait(tasks: Waiting[], wish: DurabilityWish): Promise<string> {
    const capability = await this.#capability(wish);
    if ("refusal" in capability) throw new HoldfastError("durability_unavailable", capability.refusal);
    const { command } = capability;
    const ids = tasks.map(({ id }) => id);
    const { known, confirmed } = await confirmTasks(this.#engine, connectionOf(this.#client), ids, command);
    const asked = command?.[1] ?? 0;
    if (confirmed < asked) throw new Error(`${confirmed} of ${asked} confirmed within ${WAIT_MS} ms`);
    return known;
  }

  #capability(wish: DurabilityWish): Promise<Capability> {
    const key = `${wish.durability} ${wish.replicas}`;
    const last = this.#capabilities.get(key);
    if (last && performance.now() - last.at < KNOWN_FOR_MS) return last.capability;
    const capability = readCapability(this.#client.connection, this.#engine.keys.state, wish, WAIT_MS);
    this.#capabilities.set(key, { at: performance.now(), capability });
    capability.catch(() => this.#capabilities.delete(key));
    return capability;
  }
}

function unknown(taskId: string, reason: string): HoldfastError {
  return new HoldfastError(
    "outcome_unknown",
    `the task may not have reached the durability that was asked for (${reason}). Retry with the same id`,
    { taskId, retryAfterMs: RETRY_AFTER_MS },
  );
}

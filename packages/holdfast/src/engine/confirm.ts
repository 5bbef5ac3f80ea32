import type { Connection } from "../redis/connection.ts";
import { confirmedBy, type WaitCommand } from "../redis/durability.ts";
import { confirmScript } from "../redis/generated/confirm.ts";
import type { Engine } from "./engine.ts";

export interface Confirmed {
  /** A letter per task: y known, n gone. */
  known: string;
  /** How many replicas or disks have confirmed. */
  confirmed: number;
}

/** The tasks of one queue that wait for a confirmation. */
interface Waiting {
  connection: Connection;
  engine: Engine;
  ids: readonly string[];
  resolve(confirmed: Confirmed): void;
  reject(error: unknown): void;
}

// The most queues in one write to Redis. Each queue adds a script call of up to 500 ids.
const QUEUES_PER_WAIT = 100;

/** Groups what waits for a confirmation on one connection of the process, by node and command. */
class Confirmations {
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #sending = new Set<string>();

  add(waiting: Waiting, command: WaitCommand): void {
    const { connection, engine } = waiting;
    const key = `${command?.join(" ") ?? "none"} ${connection.nodeOf(engine.keys.state)}`;
    const others = this.#waiting.get(key);
    if (others) others.push(waiting);
    else this.#waiting.set(key, [waiting]);
    setImmediate(() => void this.#send(key, command));
  }

  async #send(key: string, command: WaitCommand): Promise<void> {
    // While one WAIT is under way, further calls gather for the next one. One after another, each would wait for the
    // disk or the replica.
    const all = this.#waiting.get(key);
    if (!all || this.#sending.has(key)) return;
    this.#sending.add(key);
    const some = all.splice(0, QUEUES_PER_WAIT);
    if (all.length === 0) this.#waiting.delete(key);
    try {
      const { known, confirmed } = await confirmAll(some, command);
      for (const [i, one] of some.entries())
        answer(one, known[i], confirmed, (error) => this.#failed(some, one, error, command));
    } catch (error) {
      for (const one of some) this.#failed(some, one, error, command);
    } finally {
      this.#sending.delete(key);
      void this.#send(key, command);
    }
  }

  /** On a Cluster, the slot of one queue may have moved meanwhile. Then each queue is asked again on its own. */
  #failed(some: readonly Waiting[], one: Waiting, error: unknown, command: WaitCommand): void {
    if (some.length === 1 || one.connection.redis.clusterNodes === undefined) one.reject(error);
    else
      confirmAll([one], command).then(
        ({ known, confirmed }) => answer(one, known[0], confirmed, one.reject),
        one.reject,
      );
  }
}

/** Gives the queue the result of its call. */
function answer(one: Waiting, known: unknown, confirmed: number, failed: (error: Error) => void): void {
  if (known instanceof Error) failed(known);
  else one.resolve({ known: String(known), confirmed });
}

const byConnection = new WeakMap<object, Confirmations>();

async function confirmAll(
  some: readonly Waiting[],
  command: WaitCommand,
): Promise<{ known: unknown[]; confirmed: number }> {
  // All of these queues share the connection. A queue closes it only when its tasks are confirmed.
  const { connection } = some[0] as Waiting;
  const then = command ? [command as [string, ...number[]]] : [];
  for (const [name, code] of [
    ["EVALSHA", confirmScript.sha1],
    ["EVAL", confirmScript.source],
  ] as const) {
    const calls = some.map(({ engine, ids }): [string, ...(string | number)[]] => {
      const argv = confirmScript.argv(engine.keys, { marker: String(engine.connection.now()), tail: ids });
      return [name, code, confirmScript.keyCount, ...argv];
    });
    const answers = await connection.together([...calls, ...then]);
    const known = answers.slice(0, calls.length);
    const isUnknown = known.some((one) => one instanceof Error && one.message.startsWith("NOSCRIPT"));
    if (isUnknown && name === "EVALSHA") continue;
    const answer = answers[calls.length];
    if (answer instanceof Error) throw answer;
    return { known, confirmed: command ? confirmedBy(command, answer) : 0 };
  }
  throw new Error("Redis knows no script");
}

/**
 * Reads whether tasks still exist, and waits in the same write until everything written so far is confirmed. One WAIT
 * serves all queues of the process that ask meanwhile, if they are on the same node.
 * @param connection a connection that nothing else uses, because a WAIT blocks it
 */
export function confirmTasks(
  engine: Engine,
  connection: Connection,
  ids: readonly string[],
  command: WaitCommand,
): Promise<Confirmed> {
  let confirmations = byConnection.get(connection.shared);
  if (!confirmations) {
    confirmations = new Confirmations();
    byConnection.set(connection.shared, confirmations);
  }
  const waitsFor = confirmations;
  return new Promise((resolve, reject) =>
    waitsFor.add({ connection, engine, ids, resolve, reject }, command),
  );
}

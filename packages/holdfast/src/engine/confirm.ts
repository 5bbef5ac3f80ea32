import type { Connection } from "../redis/connection.ts";
import { confirmedBy, type WaitCommand } from "../redis/durability.ts";
import { confirmScript } from "../redis/generated/confirm.ts";
import type { Engine } from "./engine.ts";

export interface Confirmed {
  /** A letter per task: y the task exists, n it does not. */
  known: string;
  /** How many replicas or disks have confirmed the writes. */
  confirmed: number;
}

/** The tasks of one queue whose writes have to be confirmed. */
interface Waiting {
  connection: Connection;
  engine: Engine;
  ids: readonly string[];
  resolve(confirmed: Confirmed): void;
  reject(error: unknown): void;
}

// The most queues in one group of commands. Each queue adds a script call with up to 500 ids.
const QUEUES_PER_WAIT = 100;

/** Collects the tasks that wait for a confirmation over one connection, so that a single WAIT confirms many of them. */
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
    // While a WAIT runs, tasks are collected for the next one: a WAIT for each task would wait for the disk each time.
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

  /** On a Cluster, the slot of one queue may have moved to another node, so each queue is asked again alone. */
  #failed(some: readonly Waiting[], one: Waiting, error: unknown, command: WaitCommand): void {
    if (some.length === 1 || one.connection.redis.clusterNodes === undefined) one.reject(error);
    else
      confirmAll([one], command).then(
        ({ known, confirmed }) => answer(one, known[0], confirmed, one.reject),
        one.reject,
      );
  }
}

/** Passes the result on to the queue. */
function answer(one: Waiting, known: unknown, confirmed: number, failed: (error: Error) => void): void {
  if (known instanceof Error) failed(known);
  else one.resolve({ known: String(known), confirmed });
}

const byConnection = new WeakMap<object, Confirmations>();

async function confirmAll(
  some: readonly Waiting[],
  command: WaitCommand,
): Promise<{ known: unknown[]; confirmed: number }> {
  // These queues share one connection, which none of them closes before its tasks are confirmed.
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
 * Checks whether tasks still exist, and waits (WAIT or WAITAOF) until all earlier writes are confirmed. Calls that come
 * during a WAIT share the next one, if their queues are on the same node.
 * @param connection a connection for this only, because a WAIT blocks it
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

import type { Part } from "../partitions/parts.ts";
import type { Connection } from "../redis/connection.ts";
import { workerChannel } from "../redis/keys.ts";
import { monotonicMs } from "../worker/lease-table.ts";
import type { Poll } from "./poll.ts";

// Subscriptions stay open for this long after a poll, ms, because a worker mostly polls again at once.
const KEPT_MS = 60_000;

interface Ear {
  readonly polls: Set<Poll>;
  readonly close: () => void;
  usedMs: number;
}

/**
 * Subscribes to the channels of remote workers, and passes the messages on to their long polls. A subscription of one
 * worker to one queue or partition is called an ear.
 */
export class Ears {
  readonly #listener: Connection;
  /** The ears, by the name of the queue or partition and the id of the worker. */
  readonly #ears = new Map<string, Promise<Ear>>();
  readonly #timer: NodeJS.Timeout;

  constructor(listener: Connection) {
    this.#listener = listener;
    this.#timer = setInterval(() => void this.#closeIdle(), KEPT_MS / 2).unref();
  }

  /** Passes messages on to the poll from now on. @returns a function that ends this */
  async open(parts: readonly Part[], workerId: string, poll: Poll): Promise<() => void> {
    const ears = await Promise.all(parts.map((part) => this.#ear(part, workerId)));
    for (const ear of ears) ear.polls.add(poll);
    return () => {
      for (const ear of ears) {
        ear.polls.delete(poll);
        ear.usedMs = monotonicMs();
      }
    };
  }

  #ear({ name, engine }: Part, workerId: string): Promise<Ear> {
    const key = `${name} ${workerId}`;
    let opening = this.#ears.get(key);
    if (!opening) {
      const polls = new Set<Poll>();
      const { wake } = engine.keys;
      const channels = [wake, workerChannel(wake, workerId)];
      const hear = (_channel: string, message: Buffer) => {
        for (const poll of polls) poll.hear(name, message);
      };
      const close = () => this.#listener.unlisten(channels, hear);
      opening = this.#listener
        .listen(channels, hear)
        .then(() => ({ polls, close, usedMs: monotonicMs() }))
        .catch((error: unknown) => {
          this.#ears.delete(key);
          throw error;
        });
      this.#ears.set(key, opening);
    }
    return opening;
  }

  async #closeIdle(): Promise<void> {
    for (const [key, opening] of this.#ears) {
      const ear = await opening.catch(() => null);
      if (!ear || ear.polls.size > 0 || monotonicMs() - ear.usedMs < KEPT_MS) continue;
      this.#ears.delete(key);
      ear.close();
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

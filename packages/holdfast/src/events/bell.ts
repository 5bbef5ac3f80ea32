import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { Connection } from "../redis/connection.ts";
import { eventsChannel } from "../redis/keys.ts";
import { whenAborted } from "../when-aborted.ts";

// How often readers read without a message, ms. Messages may be lost, for example while the connection is down.
const LOOK_MS = 2_000;
// How often readers read if the Redis user has no right to subscribe, ms.
const POLL_MS = 200;
// How long a subscription is kept after its last reader, ms, because another reader often follows.
const LINGER_MS = 10_000;
// The shortest time between two reads, ms, so that a busy queue is read at most 40 times a second.
const PACE_MS = 25;

/**
 * For each client, the connection that only receives messages. It is opened when it is first needed, and all clients
 * and workers of a process with the same settings share it.
 */
const connections = new WeakMap<Holdfast, Connection>();

function connectionOf(client: Holdfast): Connection {
  let connection = connections.get(client);
  if (!connection) {
    connection = new Connection(client.connection.redis, { name: "holdfast-wake", share: true });
    connections.set(client, connection);
    client.alsoClose(connection);
  }
  return connection;
}

/** The bells in use, by channel of Redis. */
const bells = new WeakMap<Connection, Map<string, Bell>>();

/** Tells readers that a queue or partition may have new events. All readers of a process share one bell for it. */
export class Bell {
  readonly #connection: Connection;
  readonly #channel: string;
  readonly #forget: () => void;
  #users = 0;
  #listening: Promise<boolean> | undefined;
  #linger: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<() => void>();
  /** How many messages have come. */
  rings = 0;
  readonly #ring = () => {
    this.rings++;
    for (const wake of [...this.#waiting]) wake();
  };

  private constructor(connection: Connection, channel: string, forget: () => void) {
    this.#connection = connection;
    this.#channel = channel;
    this.#forget = forget;
  }

  static of(client: Holdfast, engine: Engine): Bell {
    const connection = connectionOf(client);
    const channel = eventsChannel(engine.keys.wake);
    let byChannel = bells.get(connection);
    if (byChannel === undefined) {
      byChannel = new Map();
      bells.set(connection, byChannel);
    }
    const all = byChannel;
    let bell = all.get(channel);
    if (bell === undefined) {
      bell = new Bell(connection, channel, () => all.delete(channel));
      all.set(channel, bell);
    }
    return bell;
  }

  /** Subscribes once. Called before the first read, so that no message after that read is missed. */
  async use(): Promise<void> {
    this.#users++;
    clearTimeout(this.#linger);
    this.#listening ??= this.#connection.listen([this.#channel], this.#ring).then(
      () => true,
      () => {
        this.#listening = undefined;
        return false;
      },
    );
    await this.#listening;
  }

  leave(): void {
    if (--this.#users > 0) return;
    this.#linger = setTimeout(() => {
      this.#connection.unlisten([this.#channel], this.#ring);
      this.#listening = undefined;
      this.#forget();
    }, LINGER_MS);
    this.#linger.unref();
  }

  /**
   * Waits until there may be new events: until a message has come since the last read, or until it is time to read
   * anyway. Then waits until PACE_MS have passed since the last read.
   * @param before the value of `rings` before the last read, so that a message during that read counts
   * @param readAt when the last read began, by performance.now()
   */
  async wait(before: number, readAt: number, signal: AbortSignal): Promise<void> {
    const lookMs = this.#listening === undefined ? POLL_MS : LOOK_MS;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        forget();
        resolve();
      };
      const timer = setTimeout(wake, lookMs);
      const forget = whenAborted(signal, wake);
      this.#waiting.add(wake);
      if (signal.aborted || this.rings !== before) wake();
    });
    const leftMs = readAt + PACE_MS - performance.now();
    if (leftMs > 0 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, leftMs));
  }
}

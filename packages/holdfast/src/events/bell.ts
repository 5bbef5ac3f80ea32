import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { Connection } from "../redis/connection.ts";
import { eventsChannel } from "../redis/keys.ts";
import { whenAborted } from "../when-aborted.ts";

// Readers also look this often, because a message can get lost, for example while the connection is down, ms.
const LOOK_MS = 2_000;
// Readers look this often if they cannot subscribe, because the Redis user has no right to, ms.
const POLL_MS = 200;
// A subscription is kept this long after its last reader, because another reader often follows, ms.
const LINGER_MS = 10_000;
// A reader waits this long between two reads, so that it reads a busy queue at most 40 times a second, ms.
const PACE_MS = 25;

/**
 * The connection that only listens. It is made at first use, and all clients and workers of a process with the same
 * settings share it.
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

/** The bells in use, by channel. */
const bells = new WeakMap<Connection, Map<string, Bell>>();

/** Tells the readers of one part of a queue that there may be new events. All readers of a process share one bell. */
export class Bell {
  readonly #connection: Connection;
  readonly #channel: string;
  readonly #forget: () => void;
  #users = 0;
  #listening: Promise<boolean> | undefined;
  #linger: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<() => void>();
  /** How often the bell has rung. */
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

  /** Called before the first read of a reader, so that no message between the read and the wait gets lost. */
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
   * Waits until there may be new events: until the bell has rung since the last read, or until it is time to look
   * anyway. After that it waits until PACE_MS have passed since the last read.
   * @param before the value of `rings` before the last read. If the bell rang during that read, this call does not wait
   * for it to ring again
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

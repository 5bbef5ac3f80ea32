import type { Cluster, Redis } from "./ioredis.ts";

export type OnMessage = (channel: string, message: Buffer) => void;

interface Subscription {
  readonly handlers: Set<OnMessage>;
  readonly subscribed: Promise<unknown>;
}

/** The channels to which a client is subscribed, with the functions that get their messages. */
export class Subscriptions {
  readonly #client: Redis | Cluster;
  readonly #isReady: () => boolean;
  readonly #byChannel = new Map<string, Subscription>();

  /** @param isReady returns whether commands can be sent */
  constructor(client: Redis | Cluster, isReady: () => boolean) {
    this.#client = client;
    this.#isReady = isReady;
    client.on("smessageBuffer", (channel: Buffer | string, message: Buffer) => {
      const name = String(channel);
      for (const handler of this.#byChannel.get(name)?.handlers ?? []) handler(name, message);
    });
  }

  /** Calls `handler` for each message on these channels. */
  async add(channels: readonly string[], handler: OnMessage): Promise<void> {
    for (const channel of channels) {
      const known = this.#byChannel.get(channel);
      const subscription = known ?? { handlers: new Set(), subscribed: this.#client.ssubscribe(channel) };
      this.#byChannel.set(channel, subscription);
      subscription.handlers.add(handler);
      try {
        await subscription.subscribed;
      } catch (error) {
        this.remove(channels, handler);
        throw error;
      }
    }
  }

  remove(channels: readonly string[], handler: OnMessage): void {
    for (const channel of channels) {
      const subscription = this.#byChannel.get(channel);
      if (!subscription?.handlers.delete(handler) || subscription.handlers.size > 0) continue;
      this.#byChannel.delete(channel);
      // An error means that the connection is lost, and the subscription with it.
      if (this.#isReady()) this.#client.sunsubscribe(channel).catch(() => {});
    }
  }

  /** Subscribes again after a reconnect. After an error the connection is lost, and the next reconnect calls this. */
  renew(): void {
    for (const channel of this.#byChannel.keys()) this.#client.ssubscribe(channel).catch(() => {});
  }
}

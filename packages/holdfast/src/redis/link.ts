import { HoldfastError } from "@holdfast/contracts";
import type { CheckResult } from "./checks.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { refusalOf } from "./errors.ts";
import { Cluster, Command, Redis } from "./ioredis.ts";
import { describeRedis } from "./settings.ts";
import { remedyOf, tlsOptions } from "./tls.ts";

export const DEFAULT_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 1_000;

/** @throws HoldfastError invalid_argument: a TLS file cannot be read */
function open(s: ConnectionSettings, name: string): Redis | Cluster {
  const tls = tlsOptions(s);
  const common = {
    // A script that was resent by the client would run twice: retries are ours, with the same request id.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    commandTimeout: s.commandTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    // A closed connection fails its unanswered commands at once: with null they would wait for the command timeout.
    maxRetriesPerRequest: 0,
    // `Link` subscribes again after a reconnect. The client would leave a failure of that unhandled, which ends the process.
    autoResubscribe: false,
    retryStrategy: (tries: number) => Math.min(RECONNECT_MS, 20 * 2 ** Math.min(tries, 6)),
    lazyConnect: true,
    ...(s.username === undefined ? {} : { username: s.username }),
    ...(s.password === undefined ? {} : { password: s.password }),
    ...(s.family === undefined ? {} : { family: s.family }),
    ...(tls ? { tls } : {}),
  };
  if (s.clusterNodes) {
    return new Cluster(s.clusterNodes, {
      lazyConnect: true,
      enableOfflineQueue: false,
      shardedSubscribers: true,
      clusterRetryStrategy: (tries) => Math.min(RECONNECT_MS, 20 * 2 ** Math.min(tries, 6)),
      // The client asks the DNS itself and connects to the address: a certificate is for the name.
      ...(tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
      ...(s.natMap ? { natMap: s.natMap } : {}),
      // Its subscribers are handed from node to node by the client itself.
      redisOptions: { ...common, connectionName: name, autoResubscribe: true },
    });
  }
  if (s.sentinels) {
    return new Redis({
      ...common,
      sentinels: s.sentinels,
      name: s.sentinelName ?? "mymaster",
      ...(s.sentinelUsername === undefined ? {} : { sentinelUsername: s.sentinelUsername }),
      ...(s.sentinelPassword === undefined ? {} : { sentinelPassword: s.sentinelPassword }),
      ...(s.natMap ? { natMap: s.natMap } : {}),
      // Without this option the client would connect to the master without TLS.
      ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
    });
  }
  if (s.path !== undefined) return new Redis({ ...common, path: s.path });
  return new Redis({ ...common, host: s.host ?? "127.0.0.1", port: s.port ?? 6379 });
}

/** A user of a link. */
export interface LinkUser {
  /** Commands can be sent again. */
  onReady(): void;
  /** Redis refuses the connection, or the client has given up: nobody has to wait for it. */
  onFailure(error: HoldfastError): void;
}

export type OnMessage = (channel: string, message: Buffer) => void;

interface Subscription {
  readonly handlers: Set<OnMessage>;
  readonly subscribed: Promise<unknown>;
}

const shared = new Map<string, Link>();

/** The same text for the same settings, whether they came from a URL, from fields in any order, or from a client of ioredis. */
function keyOf(settings: ConnectionSettings): string {
  const { sentinels, clusterNodes, path } = settings;
  const address = sentinels || clusterNodes || path !== undefined ? {} : { host: "127.0.0.1", port: 6379 };
  return JSON.stringify({ ...address, db: 0, ...settings }, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** A client of Redis, and what it knows of the state that it is in. One connection uses it, or several with the same settings. */
export class Link {
  readonly client: Redis | Cluster;
  readonly settings: ConnectionSettings;
  readonly isShared: boolean;
  isReady = false;
  /** Redis time minus the time of this process, ms. */
  clockOffsetMs = 0;
  /** The boot checks, once they were made. */
  check: CheckResult | undefined;
  /** Redis answered the last try to connect, and refused it. */
  refusal: HoldfastError | undefined;
  readonly #name: string;
  readonly #key: string;
  readonly #users = new Set<LinkUser>();
  readonly #subscriptions = new Map<string, Subscription>();
  #isConnecting = false;
  #closed = false;
  #lastError: string | undefined;

  /**
   * @param share with others of the same name and settings in this process
   * @throws HoldfastError invalid_argument
   */
  static join(settings: ConnectionSettings, name: string, share: boolean, user: LinkUser): Link {
    const key = share ? `${name} ${keyOf(settings)}` : "";
    const link = shared.get(key) ?? new Link(settings, name, key);
    if (share) shared.set(key, link);
    link.#users.add(user);
    return link;
  }

  private constructor(settings: ConnectionSettings, name: string, key: string) {
    this.settings = settings;
    this.isShared = key !== "";
    this.#name = name;
    this.#key = key;
    this.client = open(settings, name);
    // The client retries on its own. Without a listener it would print each failure.
    this.client.on("error", (error: Error) => this.#failed(error));
    this.client.on("ready", () => void this.#handshake());
    this.client.on("close", () => {
      this.isReady = false;
    });
    this.client.on("end", () => {
      this.isReady = false;
      // Not connected and no longer trying: begin again at the next call.
      this.#isConnecting = false;
      if (!this.#closed) this.#tellFailure(this.unreachable());
    });
    this.client.on("smessageBuffer", (channel: Buffer | string, message: Buffer) => {
      const name = String(channel);
      for (const handler of this.#subscriptions.get(name)?.handlers ?? []) handler(name, message);
    });
  }

  /** With the last user it ends, at once. */
  leave(user: LinkUser): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#closed = true;
    this.isReady = false;
    if (this.isShared) shared.delete(this.#key);
    const { stream, status } = this.client as Redis;
    this.client.disconnect();
    // The client only ends it, and one that is still being opened would hold the process until its time-out.
    if (status === "connecting") stream?.destroy();
  }

  connect(): void {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    this.refusal = undefined;
    // The first attempt may fail; the client keeps trying.
    this.client.connect().catch((error: Error) => this.#failed(error));
  }

  nodeOf(key: string): string {
    if (!(this.client instanceof Cluster)) return "";
    const slot = new Command("GET", [key]).getSlot();
    return this.client.slots[slot]?.join() ?? `slot ${slot}`;
  }

  unreachable(): HoldfastError {
    const why = this.#lastError ? `: ${this.#lastError}` : "";
    return new HoldfastError(
      "redis_unavailable",
      `cannot reach Redis at ${describeRedis(this.settings)}${why}. ${remedyOf(this.#lastError ?? "", this.settings)}`,
      { retryAfterMs: 1_000 },
    );
  }

  /** Calls `handler` for each message in these channels; it subscribes again after a reconnect. */
  async subscribe(channels: readonly string[], handler: OnMessage): Promise<void> {
    for (const channel of channels) {
      const known = this.#subscriptions.get(channel);
      const subscription = known ?? { handlers: new Set(), subscribed: this.client.ssubscribe(channel) };
      this.#subscriptions.set(channel, subscription);
      subscription.handlers.add(handler);
      try {
        await subscription.subscribed;
      } catch (error) {
        this.unsubscribe(channels, handler);
        throw error;
      }
    }
  }

  unsubscribe(channels: readonly string[], handler: OnMessage): void {
    for (const channel of channels) {
      const subscription = this.#subscriptions.get(channel);
      if (!subscription?.handlers.delete(handler) || subscription.handlers.size > 0) continue;
      this.#subscriptions.delete(channel);
      // If it fails, the connection is gone, and the subscription with it.
      if (this.isReady) this.client.sunsubscribe(channel).catch(() => {});
    }
  }

  /** Sends what the client would otherwise send while it connects. If that failed, the client would go on, in another database. */
  async #handshake(): Promise<void> {
    const { db = 0, clusterNodes } = this.settings;
    try {
      if (clusterNodes === undefined) {
        const answers = [this.client.call("CLIENT", "SETNAME", this.#name)];
        if (db !== 0) answers.push(this.client.call("SELECT", db));
        await Promise.all(answers);
      }
    } catch (error) {
      if (this.#closed) return;
      const refusal = refusalOf(error) ?? refusedDatabase(error, db);
      if (refusal !== undefined) this.#refused(refusal);
      // This makes the client reconnect. If the connection was lost, it does so anyway.
      if (this.client.status === "ready") (this.client as Redis).disconnect(true);
      return;
    }
    if (this.#closed || this.client.status !== "ready") return;
    this.isReady = true;
    this.refusal = undefined;
    this.#lastError = undefined;
    // On a Cluster the client subscribes itself. If this fails, the connection is gone again, and the next one subscribes.
    if (clusterNodes === undefined)
      for (const channel of this.#subscriptions.keys()) this.client.ssubscribe(channel).catch(() => {});
    for (const user of [...this.#users]) user.onReady();
  }

  #failed(error: Error): void {
    this.#lastError = reasonOf(error);
    const refusal = refusalOf(error);
    if (refusal !== undefined) this.#refused(refusal);
  }

  #refused(refusal: HoldfastError): void {
    this.refusal = refusal;
    this.#tellFailure(refusal);
  }

  #tellFailure(error: HoldfastError): void {
    for (const user of [...this.#users]) user.onFailure(error);
  }
}

function reasonOf(error: Error): string {
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

function refusedDatabase(error: unknown, db: number): HoldfastError | undefined {
  const answer = error instanceof Error ? error.message : String(error);
  // An answer of Redis, and not of the connection.
  if (!/^ERR\b/.test(answer)) return undefined;
  return new HoldfastError("redis_refused", `Redis refuses database ${db}: ${answer}`, { cause: error });
}

import { HoldfastError } from "@holdfast/contracts";
import type { CheckResult } from "./checks.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { refusalOf } from "./errors.ts";
import { Cluster, Command, Redis } from "./ioredis.ts";
import { describeRedis } from "./settings.ts";
import { Subscriptions } from "./subscriptions.ts";
import { remedyOf, tlsOptions } from "./tls.ts";

export const DEFAULT_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 1_000;

/** Creates a client of Redis. @throws HoldfastError invalid_argument if a TLS file cannot be read */
function open(s: ConnectionSettings, name: string): Redis | Cluster {
  const tls = tlsOptions(s);
  const common = {
    // The client must not send a script again, which could run twice. Holdfast repeats calls with their request ids.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    commandTimeout: s.commandTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    // Unanswered commands fail when the connection is lost. With null they would wait for the command time-out.
    maxRetriesPerRequest: 0,
    // `Subscriptions` subscribes again. If the client did it and failed, the unhandled error would end the process.
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
      // Otherwise the client would connect to the address of the host, for which the certificate is not valid.
      ...(tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
      ...(s.natMap ? { natMap: s.natMap } : {}),
      // On a Cluster the client has to resubscribe itself, because it moves subscriptions between nodes.
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
      // Without this option the client connects to the master without TLS.
      ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
    });
  }
  if (s.path !== undefined) return new Redis({ ...common, path: s.path });
  return new Redis({ ...common, host: s.host ?? "127.0.0.1", port: s.port ?? 6379 });
}

/** A user of a link. The link informs it about the connection. */
export interface LinkUser {
  /** Called when commands can be sent, also after a reconnect. */
  onReady(): void;
  /** Called if Redis refuses the connection, or the client has given up. Calls must not wait any longer. */
  onFailure(error: HoldfastError): void;
}

const shared = new Map<string, Link>();

/** Returns the same text for equal settings: from a URL, from fields in any order, or from a client of ioredis. */
function keyOf(settings: ConnectionSettings): string {
  const { sentinels, clusterNodes, path } = settings;
  const address = sentinels || clusterNodes || path !== undefined ? {} : { host: "127.0.0.1", port: 6379 };
  return JSON.stringify({ ...address, db: 0, ...settings }, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** A client of Redis with the state of its connection. Connections with the same name and settings can share it. */
export class Link {
  readonly client: Redis | Cluster;
  readonly settings: ConnectionSettings;
  readonly isShared: boolean;
  isReady = false;
  /** The time of Redis minus the time of this process, ms. */
  clockOffsetMs = 0;
  /** The result of checking Redis; undefined before the check. */
  check: CheckResult | undefined;
  /** The error with which Redis refused the last connection; undefined if it did not. */
  refusal: HoldfastError | undefined;
  readonly #name: string;
  readonly #key: string;
  readonly #users = new Set<LinkUser>();
  readonly subscriptions: Subscriptions;
  #isConnecting = false;
  #closed = false;
  #lastError: string | undefined;

  /**
   * @param share whether to share the link with other connections of this process that have the same name and settings
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
    // The client retries by itself. Without a listener it would print each failure.
    this.client.on("error", (error: Error) => this.#failed(error));
    this.client.on("ready", () => void this.#handshake());
    this.client.on("close", () => {
      this.isReady = false;
    });
    this.client.on("end", () => {
      this.isReady = false;
      // The client has stopped trying to connect. The next call starts it again.
      this.#isConnecting = false;
      if (!this.#closed) this.#tellFailure(this.unreachable());
    });
    this.subscriptions = new Subscriptions(this.client, () => this.isReady);
  }

  /** Removes a user. When the last one has left, the connection ends at once. */
  leave(user: LinkUser): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#closed = true;
    this.isReady = false;
    if (this.isShared) shared.delete(this.#key);
    const { stream, status } = this.client as Redis;
    this.client.disconnect();
    // disconnect() leaves a connecting socket open, which would keep the process alive until its time-out.
    if (status === "connecting") stream?.destroy();
  }

  connect(): void {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    this.refusal = undefined;
    // The error is only reported, because the client tries again by itself.
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

  /** Sends the first commands. If the client sent them and one failed, it would continue with the wrong database. */
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
      // disconnect(true) makes the client reconnect. If the connection is lost already, it reconnects anyway.
      if (this.client.status === "ready") (this.client as Redis).disconnect(true);
      return;
    }
    if (this.#closed || this.client.status !== "ready") return;
    this.isReady = true;
    this.refusal = undefined;
    this.#lastError = undefined;
    // On a Cluster the client subscribes again by itself.
    if (clusterNodes === undefined) this.subscriptions.renew();
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
  // Answers of Redis begin with ERR here; errors of the connection do not.
  if (!/^ERR\b/.test(answer)) return undefined;
  return new HoldfastError("redis_refused", `Redis refuses database ${db}: ${answer}`, { cause: error });
}

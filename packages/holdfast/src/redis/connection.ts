import { HoldfastError } from "@holdfast/contracts";
import { type CheckResult, checkInfo } from "./checks.ts";
import { classify } from "./errors.ts";
import { Cluster, Redis } from "./ioredis.ts";
import type { QueueKeys } from "./keys.ts";
import type { Script } from "./script.ts";
import { BytesPool, encodeCall, headOfCall, ScriptCommand } from "./script-call.ts";
import type { TailBytes } from "./tail-bytes.ts";
import { remedyOf, type TlsSettings, tlsOptions } from "./tls.ts";

/** Where Redis is: one server, a Sentinel group, or a Cluster. */
export interface ConnectionSettings extends TlsSettings {
  /** `redis://` or `rediss://` (TLS). The other fields go before what it says. */
  url?: string;
  /** @default "127.0.0.1" */
  host?: string;
  /** @default 6379 */
  port?: number;
  username?: string;
  password?: string;
  db?: number;
  /** With TLS they are spoken to with TLS as well. */
  sentinels?: { host: string; port: number }[];
  sentinelName?: string;
  clusterNodes?: { host: string; port: number }[];
  /** Longest wait for one reply before the call is tried again or given up. Milliseconds. @default 5_000 */
  commandTimeoutMs?: number;
}

export type RedisOption = string | ConnectionSettings;

export interface ConnectionOptions {
  /** Told how long each script call took. */
  onScript?: ((script: string, seconds: number) => void) | undefined;
  name?: string;
}

const RETRY_DELAY_MS = 50;
const RECONNECT_MS = 1_000;

function settingsOf(redis: RedisOption): ConnectionSettings {
  return typeof redis === "string" ? { url: redis } : redis;
}

/** "host:port" of what a setting points at, without credentials. */
export function describeRedis(redis: RedisOption): string {
  const s = settingsOf(redis);
  if (s.clusterNodes?.length) return s.clusterNodes.map((n) => `${n.host}:${n.port}`).join(",");
  if (s.sentinels?.length)
    return `${s.sentinelName ?? "mymaster"} by ${s.sentinels.map((n) => `${n.host}:${n.port}`).join(",")}`;
  if (s.url && URL.canParse(s.url)) {
    const url = new URL(s.url);
    return `${url.hostname}:${url.port || 6379}`;
  }
  return `${s.host ?? "127.0.0.1"}:${s.port ?? 6379}`;
}

function open(redis: RedisOption, name: string): Redis | Cluster {
  const s = settingsOf(redis);
  const tls = tlsOptions(s, s.clusterNodes?.length || s.sentinels?.length ? undefined : s.url);
  const common = {
    // A script that was resent by the client would run twice: retries are ours, with the same request id.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    commandTimeout: s.commandTimeoutMs ?? 5_000,
    // A closed connection fails its unanswered commands at once: with null they would wait for the command timeout.
    maxRetriesPerRequest: 0,
    // The client's own leaves a failure unhandled, which ends the process: `listen` does it.
    autoResubscribe: false,
    retryStrategy: (tries: number) => Math.min(RECONNECT_MS, 20 * 2 ** Math.min(tries, 6)),
    lazyConnect: true,
    connectionName: name,
    ...(s.username === undefined ? {} : { username: s.username }),
    ...(s.password === undefined ? {} : { password: s.password }),
    ...(s.db === undefined ? {} : { db: s.db }),
    ...(tls ? { tls } : {}),
  };
  if (s.clusterNodes?.length) {
    return new Cluster(s.clusterNodes, {
      lazyConnect: true,
      enableOfflineQueue: false,
      shardedSubscribers: true,
      clusterRetryStrategy: (tries) => Math.min(RECONNECT_MS, 20 * 2 ** Math.min(tries, 6)),
      // The client asks the DNS itself and connects to the address: a certificate is for the name.
      ...(tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
      // Its subscribers are handed from node to node by the client itself.
      redisOptions: { ...common, autoResubscribe: true },
    });
  }
  if (s.sentinels?.length) {
    return new Redis({
      ...common,
      sentinels: s.sentinels,
      name: s.sentinelName ?? "mymaster",
      // Without it the client leaves the TLS of the master out.
      ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
    });
  }
  if (s.url !== undefined) {
    if (!URL.canParse(s.url) || !/^rediss?:$/.test(new URL(s.url).protocol)) {
      throw new HoldfastError(
        "invalid_argument",
        "the Redis URL has to look like redis://host:6379 or rediss://host:6379",
      );
    }
    return new Redis(s.url, common);
  }
  return new Redis({ ...common, host: s.host ?? "127.0.0.1", port: s.port ?? 6379 });
}

/** One connection to Redis: the only place that sends a command. */
export class Connection {
  readonly redis: RedisOption;
  readonly #client: Redis | Cluster;
  readonly #onScript: ConnectionOptions["onScript"];
  readonly #timeoutMs: number;
  #connecting: Promise<void> | undefined;
  #closed = false;
  #clockOffsetMs = 0;
  /** Memory for script calls. */
  readonly pool = new BytesPool();
  #check: CheckResult | undefined;
  #lastError: string | undefined;

  constructor(redis: RedisOption, options: ConnectionOptions = {}) {
    this.redis = redis;
    this.#client = open(redis, options.name ?? "holdfast");
    this.#onScript = options.onScript;
    this.#timeoutMs = settingsOf(redis).commandTimeoutMs ?? 5_000;
    // ioredis retries by itself; without a listener it would print each failure.
    this.#client.on("error", (error: Error) => {
      this.#lastError = error.message || (error as NodeJS.ErrnoException).code || error.name;
    });
  }

  /** Redis time as far as this process knows it: for display, never for a decision. */
  now(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** Learns the difference to the clock of Redis from a reply. */
  observeClock(redisMs: number): void {
    this.#clockOffsetMs = redisMs - Date.now();
  }

  get isReady(): boolean {
    return this.#client.status === "ready";
  }

  /** Waits until commands can be sent. @throws HoldfastError redis_unavailable after `timeoutMs` */
  async ready(timeoutMs = this.#timeoutMs): Promise<void> {
    if (this.#closed) throw new HoldfastError("closed", "this connection was closed");
    if (this.#client.status === "ready") return;
    if (this.#connecting === undefined) {
      // The first attempt may fail: ioredis goes on trying.
      this.#connecting = this.#client.connect().catch((error: Error) => {
        this.#lastError = error.message || error.name;
      });
    }
    const client = this.#client as Redis;
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        client.off("ready", onReady);
        client.off("end", onEnd);
      };
      const onReady = () => {
        done();
        resolve();
      };
      const fail = () => {
        done();
        const why = this.#lastError ? `: ${this.#lastError}` : "";
        reject(
          new HoldfastError(
            "redis_unavailable",
            `cannot reach Redis at ${describeRedis(this.redis)}${why}. ${remedyOf(this.#lastError ?? "")}`,
            {
              retryAfterMs: 1_000,
            },
          ),
        );
      };
      const onEnd = () => {
        // Not connected and no longer trying: begin again at the next call.
        if (!this.#closed) this.#connecting = undefined;
        fail();
      };
      const timer = setTimeout(fail, Math.max(1, timeoutMs));
      client.on("ready", onReady);
      client.on("end", onEnd);
      if (client.status === "ready") onReady();
    });
  }

  /** The boot checks, once per connection. @throws HoldfastError redis_unsupported */
  async check(timeoutMs?: number): Promise<CheckResult> {
    if (this.#check) return this.#check;
    await this.ready(timeoutMs);
    const [info, time] = await Promise.all([
      this.command<string>("INFO"),
      this.command<[string, string]>("TIME"),
    ]);
    this.observeClock(Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000));
    this.#check = checkInfo(info);
    return this.#check;
  }

  /** One plain command that can be sent again. */
  async command<Reply>(name: string, ...args: (string | number)[]): Promise<Reply> {
    return this.#retried<Reply>(() => this.#client.call(name, ...args) as Promise<Reply>, this.#timeoutMs);
  }

  /**
   * Runs a script. After a lost reply the very same call is sent again until `timeoutMs` have passed: scripts answer a
   * repeated request as they did before.
   *
   * @param tail what follows the arguments
   * @throws HoldfastError redis_unavailable (never ran), outcome_unknown (may have run), or what Redis said
   */
  async script<Args, Reply, Keys = QueueKeys>(
    script: Script<Args, Keys>,
    keys: Keys,
    args: Args,
    timeoutMs = this.#timeoutMs,
    tail?: TailBytes,
  ): Promise<Reply> {
    const argv = script.argv(keys, args);
    const started = performance.now();
    let isAnswered = false;
    try {
      const reply = await this.#retried<Reply>(async () => {
        try {
          return await this.#call<Reply>("EVALSHA", script.sha1, script.keyCount, argv, tail);
        } catch (error) {
          if (classify(error).kind !== "no_script") throw error;
          return await this.#call<Reply>("EVAL", script.source, script.keyCount, argv, tail);
        }
      }, timeoutMs);
      isAnswered = true;
      return reply;
    } finally {
      tail?.release(this.pool, isAnswered);
      this.#onScript?.(script.name, (performance.now() - started) / 1000);
    }
  }

  async #call<Reply>(
    name: "EVALSHA" | "EVAL",
    code: string,
    keyCount: number,
    argv: (string | number)[],
    tail: TailBytes | undefined,
  ): Promise<Reply> {
    const bytes =
      tail === undefined
        ? encodeCall(name, code, keyCount, argv, this.pool)
        : tail.after(headOfCall(name, code, keyCount, argv, tail.count));
    const command = new ScriptCommand(name, bytes, keyCount > 0 ? argv[0] : undefined);
    const reply = (await this.#client.sendCommand(command)) as Reply;
    if (tail === undefined) this.pool.give(bytes);
    return reply;
  }

  async #retried<Reply>(send: () => Promise<Reply>, timeoutMs: number): Promise<Reply> {
    let deadline = 0;
    let maybeSent = false;
    for (;;) {
      try {
        if (this.#client.status !== "ready")
          await this.ready(deadline === 0 ? timeoutMs : deadline - performance.now());
        return await send();
      } catch (error) {
        // The client hangs the whole command on its errors: a payload must not get into a log by that way.
        if (error instanceof Error && "command" in error) delete error.command;
        if (deadline === 0) deadline = performance.now() + timeoutMs;
        const failure = error instanceof HoldfastError ? ({ kind: "fail", error } as const) : classify(error);
        if (failure.kind === "no_script") throw error;
        if (failure.kind === "retry") {
          maybeSent ||= failure.sent;
          if (performance.now() + RETRY_DELAY_MS < deadline && !this.#closed) {
            await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
            continue;
          }
        } else if (!maybeSent || failure.error.code !== "redis_unavailable") {
          throw failure.error;
        }
        const reason = failure.kind === "retry" ? failure.reason : failure.error.message;
        throw maybeSent
          ? new HoldfastError(
              "outcome_unknown",
              `Redis did not answer in time (${reason}): the call may have run. Retry with the same id`,
              {
                cause: error,
                retryAfterMs: 1_000,
              },
            )
          : new HoldfastError(
              "redis_unavailable",
              `Redis at ${describeRedis(this.redis)} is not available: ${reason}`,
              { cause: error, retryAfterMs: 1_000 },
            );
      }
    }
  }

  /**
   * Sends commands in one write, on one connection to one node: the one that has the key of the first command with a
   * key. Tried once. Each answer is a reply or an Error.
   * @throws HoldfastError redis_unavailable
   */
  async together(commands: readonly (readonly [string, ...(string | number)[]])[]): Promise<unknown[]> {
    await this.ready();
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, reply]) => {
      if (error === null) return reply;
      if ("command" in error) delete error.command;
      return error;
    });
  }

  /** Calls `onMessage` for each message in these channels; subscribes again by itself after a reconnect. */
  async listen(channels: string[], onMessage: (channel: string, message: Buffer) => void): Promise<void> {
    await this.ready();
    this.#client.on("smessageBuffer", (channel: Buffer | string, message: Buffer) =>
      onMessage(String(channel), message),
    );
    const subscribe = async () => {
      for (const channel of channels) await this.#client.ssubscribe(channel);
    };
    await subscribe();
    if (this.#client instanceof Cluster) return;
    // Where it fails, the connection is gone again: the next one brings it.
    this.#client.on("ready", () => void subscribe().catch(() => {}));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.disconnect();
  }
}

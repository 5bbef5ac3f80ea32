import { type ErrorCode, HoldfastError } from "@holdfast/contracts";
import { callHook, thrownBy, warn } from "../user-code.ts";
import { type CheckResult, checkInfo } from "./checks.ts";
import { classify, refusalOf } from "./errors.ts";
import { Cluster, Redis } from "./ioredis.ts";
import type { QueueKeys } from "./keys.ts";
import type { Script } from "./script.ts";
import { BytesPool, encodeCall, headOfCall, ScriptCommand } from "./script-call.ts";
import { type ConnectionSettings, describeRedis, type RedisOption, settingsOf } from "./settings.ts";
import type { TailBytes } from "./tail-bytes.ts";
import { remedyOf, tlsOptions } from "./tls.ts";

export { type ConnectionSettings, describeRedis, type RedisOption } from "./settings.ts";

export interface ConnectionOptions {
  /** Told how long each script call took. */
  onScript?: ((script: string, seconds: number) => void) | undefined;
  name?: string;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const RETRY_DELAY_MS = 50;
const scriptHookThrew = (thrown: unknown) => warn(thrownBy("`onScript`", thrown));
const RECONNECT_MS = 1_000;
/** Of a call that waits for a connection: an earlier try of it may have been sent. */
const NOT_SENT: ReadonlySet<ErrorCode> = new Set(["redis_unavailable", "redis_refused", "closed"]);

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
    // The client's own leaves a failure unhandled, which ends the process: `listen` does it.
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
      // Without it the client leaves the TLS of the master out.
      ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
    });
  }
  if (s.path !== undefined) return new Redis({ ...common, path: s.path });
  return new Redis({ ...common, host: s.host ?? "127.0.0.1", port: s.port ?? 6379 });
}

/** Somebody who waits until commands can be sent. */
interface Waiter {
  resolve: () => void;
  reject: (error: HoldfastError) => void;
}

/** One connection to Redis: the only place that sends a command. */
export class Connection {
  /** As `settingsOf` gives them. */
  readonly redis: ConnectionSettings;
  readonly #client: Redis | Cluster;
  readonly #name: string;
  readonly #onScript: ConnectionOptions["onScript"];
  readonly #timeoutMs: number;
  #isReady = false;
  #isConnecting = false;
  #closed = false;
  readonly #waiters = new Set<Waiter>();
  /** Called each time that commands can be sent again. */
  readonly #onReady: (() => void)[] = [];
  #clockOffsetMs = 0;
  /** Memory for script calls. */
  readonly pool = new BytesPool();
  #check: CheckResult | undefined;
  #lastError: string | undefined;
  /** Redis answered the last try to connect, and refused it. */
  #refusal: HoldfastError | undefined;

  /** @throws HoldfastError invalid_argument */
  constructor(redis: RedisOption, options: ConnectionOptions = {}) {
    this.redis = settingsOf(redis);
    this.#name = options.name ?? "holdfast";
    this.#client = open(this.redis, this.#name);
    this.#onScript = options.onScript;
    this.#timeoutMs = this.redis.commandTimeoutMs ?? DEFAULT_TIMEOUT_MS;
    // The client retries by itself; without a listener it would print each failure.
    this.#client.on("error", (error: Error) => this.#failed(error));
    this.#client.on("ready", () => void this.#handshake());
    this.#client.on("close", () => {
      this.#isReady = false;
    });
    this.#client.on("end", () => {
      this.#isReady = false;
      // Not connected and no longer trying: begin again at the next call.
      this.#isConnecting = false;
      if (!this.#closed) this.#rejectAll(this.#unreachable());
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
    return this.#isReady;
  }

  /**
   * Waits until commands can be sent.
   * @throws HoldfastError redis_unavailable after `timeoutMs`; at once redis_refused (wrong password, no such database) and closed
   */
  async ready(timeoutMs = this.#timeoutMs): Promise<void> {
    if (this.#closed) throw closedError();
    if (this.#isReady) return;
    if (!this.#isConnecting) {
      this.#isConnecting = true;
      this.#refusal = undefined;
      // The first attempt may fail: the client goes on trying.
      this.#client.connect().catch((error: Error) => this.#failed(error));
    }
    // The client tries on, and whoever asks after that is let in. Until then nobody waits for it.
    if (this.#refusal !== undefined) throw this.#refusal;
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      const timer = setTimeout(() => waiter.reject(this.#unreachable()), Math.max(1, timeoutMs));
      this.#waiters.add(waiter);
    });
  }

  /** What the client itself would send while it connects: it goes on where that fails, in another database then. */
  async #handshake(): Promise<void> {
    const { db = 0, clusterNodes } = this.redis;
    try {
      if (clusterNodes === undefined) {
        const answers = [this.#client.call("CLIENT", "SETNAME", this.#name)];
        if (db !== 0) answers.push(this.#client.call("SELECT", db));
        await Promise.all(answers);
      }
    } catch (error) {
      if (this.#closed) return;
      const refusal = refusalOf(error) ?? refusedDatabase(error, db);
      if (refusal !== undefined) this.#refused(refusal);
      // The client begins again. Where the connection went away by itself it does so anyway.
      if (this.#client.status === "ready") (this.#client as Redis).disconnect(true);
      return;
    }
    if (this.#closed || this.#client.status !== "ready") return;
    this.#isReady = true;
    this.#refusal = undefined;
    this.#lastError = undefined;
    for (const onReady of this.#onReady) onReady();
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  #failed(error: Error): void {
    this.#lastError = reasonOf(error);
    const refusal = refusalOf(error);
    if (refusal !== undefined) this.#refused(refusal);
  }

  #refused(refusal: HoldfastError): void {
    this.#refusal = refusal;
    this.#rejectAll(refusal);
  }

  #rejectAll(error: HoldfastError): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  #unreachable(): HoldfastError {
    const why = this.#lastError ? `: ${this.#lastError}` : "";
    return new HoldfastError(
      "redis_unavailable",
      `cannot reach Redis at ${describeRedis(this.redis)}${why}. ${remedyOf(this.#lastError ?? "", this.redis)}`,
      { retryAfterMs: 1_000 },
    );
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
   * @param tail what follows the arguments; the caller releases it
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
    try {
      return await this.#retried<Reply>(async () => {
        try {
          return await this.#call<Reply>("EVALSHA", script.sha1, script.keyCount, argv, tail);
        } catch (error) {
          if (classify(error).kind !== "no_script") throw error;
          return await this.#call<Reply>("EVAL", script.source, script.keyCount, argv, tail);
        }
      }, timeoutMs);
    } finally {
      const onScript = this.#onScript;
      // What it throws must not stand in the place of the reply.
      if (onScript)
        callHook(() => onScript(script.name, (performance.now() - started) / 1000), scriptHookThrew);
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
        if (!this.#isReady) await this.ready(deadline === 0 ? timeoutMs : deadline - performance.now());
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
          if (!maybeSent && this.#closed) throw closedError();
        } else if (!maybeSent || !NOT_SENT.has(failure.error.code)) {
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
    this.#onReady.push(() => void subscribe().catch(() => {}));
  }

  /** Ends it at once. Whoever waits is told: `closed`, or `outcome_unknown` where the call was sent. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#isReady = false;
    this.#rejectAll(closedError());
    const { stream, status } = this.#client as Redis;
    this.#client.disconnect();
    // The client only ends it, and one that is still being opened would hold the process until its time-out.
    if (status === "connecting") stream?.destroy();
  }
}

function closedError(): HoldfastError {
  return new HoldfastError("closed", "this connection was closed");
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

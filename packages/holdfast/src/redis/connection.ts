import { type ErrorCode, HoldfastError } from "@holdfast/contracts";
import { callHook, thrownBy, warn } from "../user-code.ts";
import { type CheckResult, checkInfo } from "./checks.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { classify } from "./errors.ts";
import type { QueueKeys } from "./keys.ts";
import { DEFAULT_TIMEOUT_MS, Link, type LinkUser } from "./link.ts";
import type { Script } from "./script.ts";
import { BytesPool, encodeCall, headOfCall, ScriptCommand } from "./script-call.ts";
import { describeRedis, type RedisOption, settingsOf } from "./settings.ts";
import type { OnMessage } from "./subscriptions.ts";
import type { TailBytes } from "./tail-bytes.ts";

export interface ConnectionOptions {
  /** Called with the duration of each script call. */
  onScript?: ((script: string, seconds: number) => void) | undefined;
  name?: string;
  /** Uses one client for all connections of this process with this name and these settings. @default false */
  share?: boolean;
}

const RETRY_DELAY_MS = 50;
const scriptHookThrew = (thrown: unknown) => warn(thrownBy("`onScript`", thrown));
/** Errors of a call that waits for a connection. They do not say whether an earlier attempt of the call was sent. */
const NOT_SENT: ReadonlySet<ErrorCode> = new Set(["redis_unavailable", "redis_refused", "closed"]);

/** A call that waits until commands can be sent. */
interface Waiter {
  resolve: () => void;
  reject: (error: HoldfastError) => void;
}

/** One connection to Redis. Only this class sends commands. */
export class Connection implements LinkUser {
  /** The settings that `settingsOf` returns. */
  readonly redis: ConnectionSettings;
  readonly #link: Link;
  readonly #onScript: ConnectionOptions["onScript"];
  readonly #timeoutMs: number;
  #closed = false;
  readonly #waiters = new Set<Waiter>();
  /**
   * Ends the calls that wait for an answer. Used only if the link is shared; otherwise these calls end with the link.
   */
  readonly #unanswered = new Set<(error: Error) => void>();
  readonly #listening: { channels: string[]; onMessage: OnMessage }[] = [];
  /** The memory in which script calls are written, which is reused. */
  readonly pool = new BytesPool();

  /** @throws HoldfastError invalid_argument */
  constructor(redis: RedisOption, { name = "holdfast", onScript, share = false }: ConnectionOptions = {}) {
    this.redis = settingsOf(redis);
    this.#link = Link.join(this.redis, name, share, this);
    this.#onScript = onScript;
    this.#timeoutMs = this.redis.commandTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** Returns the time of Redis as this process estimates it. Only for display, never for a decision. */
  now(): number {
    return Date.now() + this.#link.clockOffsetMs;
  }

  /** Estimates the difference to the clock of Redis from a reply. */
  observeClock(redisMs: number): void {
    this.#link.clockOffsetMs = redisMs - Date.now();
  }

  get isReady(): boolean {
    return this.#link.isReady && !this.#closed;
  }

  /**
   * Waits until commands can be sent.
   * @throws HoldfastError redis_unavailable after `timeoutMs`; redis_refused (wrong password, no such database) and
   * closed at once
   */
  async ready(timeoutMs = this.#timeoutMs): Promise<void> {
    if (this.#closed) throw closedError();
    if (this.#link.isReady) return;
    this.#link.connect();
    // The client keeps trying, and later calls may succeed. But this call does not wait for that.
    if (this.#link.refusal !== undefined) throw this.#link.refusal;
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
      const timer = setTimeout(() => waiter.reject(this.#link.unreachable()), Math.max(1, timeoutMs));
      this.#waiters.add(waiter);
    });
  }

  /** Called by the link. */
  onReady(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  /** Called by the link. */
  onFailure(error: HoldfastError): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  /** Runs the boot checks, once per client. @throws HoldfastError redis_unsupported */
  async check(timeoutMs?: number): Promise<CheckResult> {
    if (this.#closed) throw closedError();
    if (this.#link.check) return this.#link.check;
    await this.ready(timeoutMs);
    const [info, time] = await Promise.all([
      this.command<string>("INFO"),
      this.command<[string, string]>("TIME"),
    ]);
    this.observeClock(Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000));
    this.#link.check = checkInfo(info);
    return this.#link.check;
  }

  /** Returns the same promise, but one that rejects if the connection is closed first. */
  #untilClosed<Reply>(answer: Promise<Reply>): Promise<Reply> {
    if (!this.#link.isShared) return answer;
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      answer.then(
        (reply) => {
          this.#unanswered.delete(reject);
          resolve(reply);
        },
        (error) => {
          this.#unanswered.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** Runs one plain command, which is sent again if its reply is lost. */
  async command<Reply>(name: string, ...args: (string | number)[]): Promise<Reply> {
    return this.#retried<Reply>(
      () => this.#untilClosed(this.#link.client.call(name, ...args) as Promise<Reply>),
      this.#timeoutMs,
    );
  }

  /**
   * Runs a script. If the reply is lost, the same call is sent again until `timeoutMs` have passed. This is safe,
   * because scripts give a repeated request the same answer.
   *
   * @param tail more arguments; the caller releases their memory
   * @throws HoldfastError redis_unavailable (it never ran), outcome_unknown (it may have run), or the error that Redis
   * returned
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
      // An error of the hook must not replace the reply.
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
    const reply = await this.#untilClosed(this.#link.client.sendCommand(command) as Promise<Reply>);
    if (tail === undefined) this.pool.give(bytes);
    return reply;
  }

  async #retried<Reply>(send: () => Promise<Reply>, timeoutMs: number): Promise<Reply> {
    let deadline = 0;
    let maybeSent = false;
    for (;;) {
      try {
        if (!this.isReady) await this.ready(deadline === 0 ? timeoutMs : deadline - performance.now());
        return await send();
      } catch (error) {
        // The client attaches the whole command to its errors, and a payload must not get into a log in this way.
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

  /** An object that is the same for all connections of the process that share a client. */
  get shared(): object {
    return this.#link;
  }

  /** Returns the name of the Cluster node that has this key, if it is known; "" without a Cluster. */
  nodeOf(key: string): string {
    return this.#link.nodeOf(key);
  }

  /**
   * Sends commands in one write, on one connection to one node: the node that has the first key of the commands. The
   * commands are sent once and are not repeated. Each answer is a reply or an Error.
   * @throws HoldfastError redis_unavailable
   */
  async together(commands: readonly (readonly [string, ...(string | number)[]])[]): Promise<unknown[]> {
    await this.ready();
    const pipeline = this.#link.client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const answers = (await this.#untilClosed(pipeline.exec())) ?? [];
    return answers.map(([error, reply]) => {
      if (error === null) return reply;
      if ("command" in error) delete error.command;
      return error;
    });
  }

  /** Calls `onMessage` for each message in these channels. After a reconnect, the connection subscribes again. */
  async listen(channels: string[], onMessage: OnMessage): Promise<void> {
    await this.ready();
    await this.#link.subscriptions.add(channels, onMessage);
    if (this.#closed) this.#link.subscriptions.remove(channels, onMessage);
    else this.#listening.push({ channels, onMessage });
  }

  /** Ends a subscription. */
  unlisten(channels: string[], onMessage: OnMessage): void {
    const at = this.#listening.findIndex((each) => each.onMessage === onMessage);
    if (at >= 0) this.#listening.splice(at, 1);
    this.#link.subscriptions.remove(channels, onMessage);
  }

  /**
   * Ends the connection at once. Calls that wait fail with `closed`, or with `outcome_unknown` if they were sent.
   * Idempotent.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onFailure(closedError());
    // This is the error that the client gives to its own commands when it is closed.
    for (const end of [...this.#unanswered]) end(new Error("Connection is closed."));
    for (const { channels, onMessage } of this.#listening)
      this.#link.subscriptions.remove(channels, onMessage);
    this.#link.leave(this);
  }
}

function closedError(): HoldfastError {
  return new HoldfastError("closed", "this connection was closed");
}

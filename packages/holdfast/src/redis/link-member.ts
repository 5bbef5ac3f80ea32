import type { HoldfastError } from "@holdfast/contracts";
import { type CheckResult, checkInfo } from "./checks.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { closedError } from "./errors.ts";
import { DEFAULT_TIMEOUT_MS, Link, type LinkUser } from "./link.ts";
import type { OnMessage } from "./subscriptions.ts";

/** A call that waits until commands can be sent. */
interface Waiter {
  resolve: () => void;
  reject: (error: HoldfastError) => void;
}

/** A user of a link, which is a client of Redis that may be shared. */
export abstract class LinkMember implements LinkUser {
  /** The settings, as `settingsOf` returns them. */
  readonly redis: ConnectionSettings;
  protected readonly link: Link;
  protected readonly timeoutMs: number;
  protected closed = false;
  /** Rejects the calls that wait for an answer. Only needed if the link is shared; otherwise they end with the link. */
  protected readonly unanswered = new Set<(error: Error) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #listening: { channels: string[]; onMessage: OnMessage }[] = [];

  /** @throws HoldfastError invalid_argument if the settings cannot be used */
  constructor(redis: ConnectionSettings, name: string, share: boolean) {
    this.redis = redis;
    this.link = Link.join(redis, name, share, this);
    this.timeoutMs = redis.commandTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** Measures how far the clock of Redis differs, from the time in a reply. */
  abstract observeClock(redisMs: number): void;
  abstract command<Reply>(name: string, ...args: (string | number)[]): Promise<Reply>;

  /**
   * Waits until commands can be sent.
   * @throws HoldfastError redis_unavailable after `timeoutMs`; redis_refused (wrong password, no such database) and
   * closed at once
   */
  async ready(timeoutMs = this.timeoutMs): Promise<void> {
    if (this.closed) throw closedError();
    if (this.link.isReady) return;
    this.link.connect();
    // The client goes on trying to connect, so later calls may succeed; but this call does not wait for that.
    if (this.link.refusal !== undefined) throw this.link.refusal;
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
      const timer = setTimeout(() => waiter.reject(this.link.unreachable()), Math.max(1, timeoutMs));
      this.#waiters.add(waiter);
    });
  }

  /** Called by the link when commands can be sent. */
  onReady(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  /** Called by the link when connecting has failed. */
  onFailure(error: HoldfastError): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  /** Checks Redis, once per client. @throws HoldfastError redis_unsupported */
  async check(timeoutMs?: number): Promise<CheckResult> {
    if (this.closed) throw closedError();
    if (this.link.check) return this.link.check;
    await this.ready(timeoutMs);
    const [info, time] = await Promise.all([
      this.command<string>("INFO"),
      this.command<[string, string]>("TIME"),
    ]);
    this.observeClock(Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000));
    this.link.check = checkInfo(info);
    return this.link.check;
  }

  /** Identifies the client: the same object for all connections that share it. */
  get shared(): object {
    return this.link;
  }

  /** Returns the Cluster node that has this key, if it is known; "" without a Cluster. */
  nodeOf(key: string): string {
    return this.link.nodeOf(key);
  }

  /** Calls `onMessage` for each message on these channels. After a reconnect the connection subscribes again. */
  async listen(channels: string[], onMessage: OnMessage): Promise<void> {
    await this.ready();
    await this.link.subscriptions.add(channels, onMessage);
    if (this.closed) this.link.subscriptions.remove(channels, onMessage);
    else this.#listening.push({ channels, onMessage });
  }

  unlisten(channels: string[], onMessage: OnMessage): void {
    const at = this.#listening.findIndex((each) => each.onMessage === onMessage);
    if (at >= 0) this.#listening.splice(at, 1);
    this.link.subscriptions.remove(channels, onMessage);
  }

  /** Ends the connection at once. Waiting calls fail with `closed`, or `outcome_unknown` if they were sent. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.onFailure(closedError());
    // The client uses the same error for its own commands when it is closed.
    for (const end of [...this.unanswered]) end(new Error("Connection is closed."));
    for (const { channels, onMessage } of this.#listening)
      this.link.subscriptions.remove(channels, onMessage);
    this.link.leave(this);
  }
}

import { ALERT_LIMITS, type AlertNotification, type AlertOutcome } from "@holdfast/contracts";
import type { AlertStore, StoredTarget } from "holdfast/operate";
import type { AlertMetrics } from "./alert-metrics.ts";
import type { AlertSender } from "./sender.ts";

/** With the waits between the attempts, these take about 45 minutes. */
const MAX_ATTEMPTS = 16;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 300_000;

export interface DeliveriesOptions {
  store: Pick<AlertStore, "write">;
  sender: Pick<AlertSender, "send">;
  metrics: AlertMetrics;
  /** A name for this process, with which it claims the evaluation of the rules. */
  owner: string;
  onError(error: unknown): void;
}

/** Returns the wait before the next attempt, ms. */
const waitAfter = (attempts: number) => Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));

/**
 * Sends the messages that wait. The messages to one target are sent one after the other, because "resolved" has to
 * arrive after "firing". A test message does not wait for the others.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #abort = new AbortController();
  #waiting: AlertNotification[] = [];
  #targets = new Map<string, StoredTarget>();
  /** The messages that are being sent, by line. Each target has one line for its alerts and one for its tests. */
  readonly #sending = new Map<string, Promise<void>>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Replaces the messages and targets by what was read from Redis. */
  load(waiting: readonly AlertNotification[], targets: readonly StoredTarget[]): void {
    this.#waiting = [...waiting];
    this.#targets = new Map(targets.map((target) => [target.name, target]));
  }

  /** Adds messages that are already stored in Redis. */
  add(notifications: readonly AlertNotification[]): void {
    this.#waiting.push(...notifications);
  }

  /** Returns the oldest messages of targets for which too many wait. */
  surplus(): AlertNotification[] {
    const counts = new Map<string, number>();
    const newestFirst = [...this.#waiting].reverse();
    return newestFirst.filter(({ target }) => {
      const count = (counts.get(target) ?? 0) + 1;
      counts.set(target, count);
      return count > ALERT_LIMITS.waiting;
    });
  }

  /** Starts to send the messages that are due. @param now Redis time, ms since the epoch */
  pump(now: number): void {
    if (this.#abort.signal.aborted) return;
    for (const dropped of this.surplus()) this.#end(dropped, "dropped", now).catch(this.#options.onError);
    const lines = new Set<string>();
    for (const notification of this.#waiting) {
      const line = `${notification.message.kind === "test" ? "test " : ""}${notification.target}`;
      // Messages to one target keep their order: while the first one waits for its next attempt, those behind it wait too.
      if (lines.has(line)) continue;
      lines.add(line);
      if (this.#sending.has(line) || (notification.nextAt ?? 0) > now) continue;
      const began = performance.now();
      const sending = this.#send(notification, now)
        .finally(() => this.#sending.delete(line))
        .then(() => this.pump(now + performance.now() - began), this.#options.onError);
      this.#sending.set(line, sending);
    }
  }

  async #send(notification: AlertNotification, now: number): Promise<void> {
    const { sender, metrics } = this.#options;
    const target = this.#targets.get(notification.target);
    const began = performance.now();
    const attempt = target
      ? await sender.send(notification, target, now, this.#abort.signal)
      : { outcome: "failed" as const, answer: "the target was deleted", delayMs: undefined };
    if (this.#abort.signal.aborted) return;
    const at = now + Math.round(performance.now() - began);
    const attempts = notification.attempts + 1;
    const tried = { ...notification, attempts, answer: attempt.answer };
    const isTest = notification.message.kind === "test";
    metrics.attempted(notification.target, attempt.outcome === "delivered" ? "delivered" : "failed");
    if (attempt.outcome === "delivered") return this.#end(tried, "delivered", at);
    if (attempt.outcome === "failed" || isTest || attempts >= MAX_ATTEMPTS)
      return this.#end(tried, "failed", at);
    const nextAt = at + Math.max(attempt.delayMs ?? 0, waitAfter(attempts));
    const waits = { ...tried, nextAt };
    this.#waiting = this.#waiting.map((one) => (one.id === waits.id ? waits : one));
    await this.#options.store.write(this.#options.owner, { waiting: [waits] });
  }

  async #end(notification: AlertNotification, outcome: AlertOutcome, at: number): Promise<void> {
    const { store, owner, metrics } = this.#options;
    if (outcome !== "delivered") metrics.gaveUp(notification.target);
    this.#waiting = this.#waiting.filter(({ id }) => id !== notification.id);
    await store.write(owner, { ended: [{ ...notification, outcome, nextAt: null, endedAt: at }] });
  }

  /** Aborts the requests that are being sent. Another process sends those messages again, with the same ids. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#sending.values());
  }
}

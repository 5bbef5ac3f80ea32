import { setTimeout as delay } from "node:timers/promises";
import { asHoldfastError } from "@holdfast/contracts";
import type { Logger } from "@holdfast/service";
import type { Queue, TaskEvent, TaskEventType } from "holdfast";
import type { DispatcherMetrics } from "./metrics.ts";

// How often the cursor is stored, ms. After a crash, the events since the last stored cursor are read again.
const STORE_MS = 500;
// After this many events, the cursor is stored at once, and no further event is read before that.
const MOST_UNDER_WAY = 500;
// How long the follower waits after an error before it reads again, ms.
const RETRY_MS = 5_000;

export interface EventFollowerOptions {
  webhook: string;
  queue: Pick<Queue, "name" | "events">;
  types: readonly TaskEventType[];
  cursor: { read(): Promise<string | null>; write(cursor: string): Promise<void> };
  /** Stores the task that an event causes. It may be called twice with the same event. */
  take(event: TaskEvent): Promise<void>;
  metrics: DispatcherMetrics;
  logger: Logger;
}

/** Reads the events of one queue for one webhook, from the stored cursor on. */
export class EventFollower {
  readonly #options: EventFollowerOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** The code of the last error that was logged, so that the log does not repeat it. */
  #lastCode = "";

  constructor(options: EventFollowerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { webhook, queue, metrics } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow();
      } catch (error) {
        if (!signal.aborted) this.#report(error);
      }
      metrics.following(webhook, queue.name, false);
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Reads until an error. Stores the cursor whenever everything before it has been handled. */
  async #follow(): Promise<void> {
    const { webhook, queue, types, cursor, metrics, logger } = this.#options;
    const end = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, end.signal]);
    const stored = await cursor.read();
    const events = queue.events({ after: stored ?? undefined, types, signal });
    const begin = await events.ready();
    if (stored === null) await cursor.write(begin);
    metrics.following(webhook, queue.name, true);
    logger.info({ webhook, queue: queue.name, fromStored: stored !== null }, "events are read for a webhook");
    this.#lastCode = "";

    let underWay: Promise<void>[] = [];
    let last = "";
    const store = async () => {
      const [taken, upTo] = [underWay, last];
      if (upTo === "") return;
      [underWay, last] = [[], ""];
      await Promise.all(taken);
      await cursor.write(upTo);
      metrics.told(webhook, queue.name, taken.length);
    };
    let storing = Promise.resolve();
    const timer = setInterval(() => {
      storing = storing.then(store);
      storing.catch((error) => end.abort(error));
    }, STORE_MS);
    try {
      for await (const event of events) {
        last = event.cursor;
        if (event.type === "gap") {
          metrics.missed(webhook, queue.name, event.missed);
          logger.error(
            { webhook, queue: queue.name, missed: event.missed },
            "events are missing, so they are not sent to the webhook",
          );
          continue;
        }
        const taken = this.#options.take(event);
        taken.catch(() => {}); // `store` waits for this event too, and reports its error.
        underWay.push(taken);
        if (underWay.length >= MOST_UNDER_WAY) {
          storing = storing.then(store);
          await storing;
        }
      }
    } finally {
      clearInterval(timer);
      await storing.then(store).catch(() => {});
    }
  }

  #report(error: unknown): void {
    const { webhook, queue, logger } = this.#options;
    const { code, message } = asHoldfastError(error);
    if (code === this.#lastCode) return;
    this.#lastCode = code;
    const fields = { webhook, queue: queue.name, code, reason: message };
    if (code === "events_off")
      logger.error(
        fields,
        `the queue ${queue.name} keeps no events, so there is nothing to send to webhooks: holdfast queue configure ${queue.name} --max-events 100000`,
      );
    else logger.error(fields, "cannot read the events of a webhook, trying again");
  }
}

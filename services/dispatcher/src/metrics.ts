import { CALL_BUCKETS_SECONDS, type ServiceMetrics } from "@holdfast/service";
import type { Meaning } from "@holdfast/service/webhooks";
import { type Report, VERDICTS } from "./reports.ts";

export type DeliveryOutcome = Meaning["outcome"] | "unreachable";

const OUTCOMES = ["completed", "later", "postponed", "failed", "unreachable", "fatal", "gone"] as const;

/** The metrics of the dispatcher. The label `to` is the name of an endpoint or a webhook, so there are few series. */
export class DispatcherMetrics {
  readonly #deliveries;
  readonly #seconds;
  readonly #settlements;
  readonly #events;
  readonly #gaps;
  readonly #missed;
  readonly #following;
  readonly #disabled;

  constructor(metrics: ServiceMetrics) {
    this.#deliveries = metrics.counter(
      "deliveries_total",
      "Requests that were sent to endpoints and webhooks.",
      ["to", "outcome"],
    );
    this.#seconds = metrics.histogram(
      "delivery_seconds",
      "Time from the start of a request to the end of its answer.",
      ["to"],
      CALL_BUCKETS_SECONDS,
    );
    this.#settlements = metrics.counter(
      "endpoint_settlements_total",
      "Ends of tasks that endpoints have reported after an answer 202.",
      ["endpoint", "verdict"],
    );
    const perQueue = ["webhook", "queue"] as const;
    this.#events = metrics.counter(
      "webhook_events_total",
      "Events that were enqueued for a webhook.",
      perQueue,
    );
    this.#gaps = metrics.counter(
      "webhook_gaps_total",
      "Gaps in the events of a queue. The missing events are not sent to the webhook.",
      perQueue,
    );
    this.#missed = metrics.counter(
      "webhook_missed_events_total",
      "Events that are missing in these gaps, of every type. Gaps of unknown size are not counted.",
      perQueue,
    );
    this.#following = metrics.gauge(
      "webhook_following",
      "1 while the events of the queue are read for the webhook. 0: its events are off, or reading fails.",
      perQueue,
    );
    this.#disabled = metrics.gauge(
      "webhook_disabled",
      "1 after the webhook has answered 410. It gets no events until the dispatcher is restarted.",
      ["webhook"],
    );
  }

  /** Makes the series of an endpoint or a webhook, so that they start at zero. */
  begin(to: string): void {
    for (const outcome of OUTCOMES) this.#deliveries.inc({ to, outcome }, 0);
    this.#seconds.zero({ to });
  }

  beginEndpoint(endpoint: string): void {
    this.begin(endpoint);
    for (const verdict of VERDICTS) this.#settlements.inc({ endpoint, verdict }, 0);
  }

  beginWebhook(webhook: string, queues: readonly string[]): void {
    this.begin(webhook);
    this.#disabled.set({ webhook }, 0);
    for (const queue of queues) {
      this.#following.set({ webhook, queue }, 0);
      for (const counter of [this.#events, this.#gaps, this.#missed]) counter.inc({ webhook, queue }, 0);
    }
  }

  delivered(to: string, outcome: DeliveryOutcome, seconds: number): void {
    this.#deliveries.inc({ to, outcome });
    this.#seconds.observe({ to }, seconds);
  }

  settled(endpoint: string, verdict: Report["verdict"]): void {
    this.#settlements.inc({ endpoint, verdict });
  }

  told(webhook: string, queue: string, events: number): void {
    this.#events.inc({ webhook, queue }, events);
  }

  missed(webhook: string, queue: string, events: number | null): void {
    this.#gaps.inc({ webhook, queue });
    this.#missed.inc({ webhook, queue }, events ?? 0);
  }

  following(webhook: string, queue: string, follows: boolean): void {
    this.#following.set({ webhook, queue }, follows ? 1 : 0);
  }

  disabled(webhook: string): void {
    this.#disabled.set({ webhook }, 1);
  }
}

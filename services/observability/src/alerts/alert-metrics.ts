import type { ServiceMetrics } from "@holdfast/service";

const OUTCOMES = ["delivered", "failed"] as const;

/** The metrics of alerts. Names of rules and targets may be labels, because there are at most 100 rules and 20 targets. */
export class AlertMetrics {
  readonly #firing;
  readonly #attempts;
  readonly #gaveUp;

  constructor(metrics: ServiceMetrics) {
    this.#firing = metrics.gauge(
      "alerts_firing",
      "Queues for which the alert rule fires. Only the process that evaluates the rules exports it.",
      ["rule"],
    );
    this.#attempts = metrics.counter("alert_deliveries_total", "Requests to alert targets.", [
      "target",
      "outcome",
    ]);
    this.#gaveUp = metrics.counter("alert_messages_lost_total", "Alert messages that were given up.", [
      "target",
    ]);
  }

  /** @param firing how many queues fire, by rule; null if another process evaluates the rules */
  update(firing: ReadonlyMap<string, number> | null): void {
    this.#firing.reset();
    for (const [rule, queues] of firing ?? []) this.#firing.set({ rule }, queues);
  }

  /** Creates the series of a target, so that they start at zero. */
  begin(target: string): void {
    for (const outcome of OUTCOMES) this.#attempts.inc({ target, outcome }, 0);
    this.#gaveUp.inc({ target }, 0);
  }

  attempted(target: string, outcome: (typeof OUTCOMES)[number]): void {
    this.#attempts.inc({ target, outcome });
  }

  gaveUp(target: string): void {
    this.#gaveUp.inc({ target });
  }
}

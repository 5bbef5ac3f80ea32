import { FatalError, RateLimited } from "@holdfast/contracts";
import { type Meaning, meaningOf, type Poster, sign } from "@holdfast/service/webhooks";
import type { HandlerContext, HoldScope, JsonText } from "holdfast";
import type { Endpoint, Webhook } from "./endpoints-file.ts";
import type { DispatcherMetrics } from "./metrics.ts";

/** Sends the signed request of one attempt, and counts it. */
export class Sender {
  readonly #poster: Poster;
  readonly #metrics: DispatcherMetrics;

  constructor(poster: Poster, metrics: DispatcherMetrics) {
    this.#poster = poster;
    this.#metrics = metrics;
  }

  /** @throws RefusedAddress, or any error of the connection */
  async send(
    to: Endpoint | Webhook,
    id: string,
    body: string,
    { signal, traceparent }: Pick<HandlerContext, "signal" | "traceparent">,
  ): Promise<Meaning> {
    const bytes = Buffer.from(body);
    const headers = {
      ...sign(to.keys, id, bytes, Date.now()),
      ...(traceparent === null ? {} : { traceparent }),
    };
    const began = performance.now();
    const count = (outcome: Meaning["outcome"] | "unreachable") =>
      this.#metrics.delivered(to.name, outcome, (performance.now() - began) / 1_000);
    try {
      const answer = await this.#poster.post(to, headers, bytes, signal);
      const meaning = meaningOf(answer, Date.now());
      count(meaning.outcome);
      return meaning;
    } catch (error) {
      count("unreachable");
      throw error;
    }
  }
}

/**
 * Turns the answer of an endpoint into the end of the attempt: returns the result, or throws.
 * @param scope the tasks that a Retry-After holds back: those with the same key, type or queue
 * @throws RateLimited if the endpoint postpones the task, Error if the attempt may be retried, FatalError if it may
 * not
 */
export function endAttempt(
  meaning: Exclude<Meaning, { outcome: "later" }>,
  scope: HoldScope,
): JsonText | undefined {
  switch (meaning.outcome) {
    case "completed":
      return meaning.result;
    case "postponed":
      throw new RateLimited(meaning.delayMs, { scope });
    case "failed":
      throw new Error(meaning.message);
    default:
      throw new FatalError(meaning.message);
  }
}

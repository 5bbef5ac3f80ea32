import { asHoldfastError, type HoldfastError, type StaleVerdict } from "@holdfast/contracts";
import type { RoundTrip, Verdict, VerdictOutcome } from "../engine/engine.ts";
import type { Part } from "../partitions/parts.ts";
import { tellCaller } from "../steps/called-task.ts";
import { FlowEnds } from "../worker/flow-ends.ts";
import { monotonicMs } from "../worker/lease-table.ts";
import { StaleReports } from "../worker/stale-reports.ts";
import { Timings } from "../worker/timings.ts";
import type { RemoteLease } from "./token.ts";

// As in worker/round-trips.ts: how long the types go with each call after tasks were put aside because of their types.
const TYPED_MS = 60_000;
const TIMINGS_MS = 1_000;

/** Hears what a part reports. */
interface Hearer {
  failed(error: HoldfastError): void;
  stale(verdict: StaleVerdict): void;
}

/** One part of a queue, and what follows from the verdicts of its tasks. */
export class RemotePart {
  readonly part: Part;
  readonly #timings = new Timings();
  readonly #ends: FlowEnds;
  readonly #stale = new StaleReports();
  readonly #hearer: Hearer;
  readonly #timer: NodeJS.Timeout;
  #typedUntilMs = 0;

  constructor(part: Part, hearer: Hearer) {
    this.part = part;
    this.#hearer = hearer;
    this.#ends = new FlowEnds(part.engine, (error) => hearer.failed(error));
    this.#timer = setInterval(() => void this.#timings.write(part.engine), TIMINGS_MS).unref();
  }

  /** Whether calls have to send the types of their worker. */
  get isTyped(): boolean {
    return monotonicMs() < this.#typedUntilMs;
  }

  tellTypes(): void {
    this.#typedUntilMs = monotonicMs() + TYPED_MS;
  }

  /** Called with each answer of Redis. */
  answered(trip: RoundTrip): void {
    if (trip.typed) this.tellTypes();
    if (trip.ends) this.#ends.advance();
  }

  /** Called when Redis has answered a verdict. */
  settled(
    { id, lease, queue, workerId }: { id: string; lease: RemoteLease; queue: string; workerId: string },
    verdict: Verdict,
    outcome: VerdictOutcome,
    now: number,
  ): void {
    const { engine } = this.part;
    const weight =
      verdict.kind === "ack" || verdict.kind === "fail" || verdict.kind === "fatal"
        ? this.#timings.weight()
        : 0;
    if (weight > 0) this.#timings.add(lease.waitedMs, Math.max(0, now - lease.grantedAt), weight);
    if (outcome === "stale") {
      const { attempt, type, fence, place } = lease;
      const report = { id, queue, token: `${fence}.${place}`, attempt, type, workerId };
      this.#stale.add(
        engine,
        report,
        (verdict) => this.#hearer.stale(verdict),
        (error) => this.#hearer.failed(asHoldfastError(error)),
      );
    }
    if (lease.caller !== null && (outcome === "acked" || outcome === "dead" || outcome === "cancelled")) {
      const text = verdict.kind === "ack" ? (verdict.resultText ?? "null") : "";
      tellCaller(engine, lease.caller, id, text).catch((error) =>
        this.#hearer.failed(asHoldfastError(error)),
      );
    }
  }

  /** Writes the last timings and reports. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#timings.write(this.part.engine), this.#stale.drain()]);
  }
}

import { asHoldfastError, type HoldfastError, type StaleVerdict } from "@holdfast/contracts";
import type { RoundTrip, Verdict, VerdictOutcome } from "../engine/engine.ts";
import { decodeEnvelopeForDisplay } from "../engine/envelope.ts";
import type { Part } from "../partitions/parts.ts";
import { tellEnd } from "../steps/called-task.ts";
import { FlowEnds } from "../worker/flow-ends.ts";
import { monotonicMs } from "../worker/lease-table.ts";
import { TYPED_MS } from "../worker/round-trips.ts";
import { StaleReports } from "../worker/stale-reports.ts";
import { Timings } from "../worker/timings.ts";
import type { RemoteLease } from "./token.ts";

const TIMINGS_MS = 1_000;

/** Gets the events of a partition. */
interface Hearer {
  failed(error: HoldfastError): void;
  stale(verdict: StaleVerdict): void;
}

/** An attempt of a remote worker that Redis has settled. */
interface SettledAttempt {
  id: string;
  lease: RemoteLease;
  queue: string;
  workerId: string;
  /** The id of the task that enqueued this one with `ctx.call`; null if there is none. */
  caller: string | null;
}

/** One queue or partition, and what has to be done after its tasks are settled. */
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

  /** Whether calls have to name the types of their worker, because some tasks wait for a worker with their type. */
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

  /**
   * Reads which tasks have enqueued these ones with `ctx.call`, by id. The token only says that there is such a task,
   * because a worker could write any id into it.
   */
  async callers(
    attempts: readonly { id: string; lease: RemoteLease }[],
  ): Promise<Map<string, string | null>> {
    const called = attempts.filter(({ lease }) => lease.isCalled).map(({ id }) => id);
    const raw = await this.part.engine.get(called);
    return new Map(raw.map(({ id, envelope }) => [id, decodeEnvelopeForDisplay(envelope).caller]));
  }

  /** Called when Redis has settled an attempt. */
  settled(
    { id, lease, queue, workerId, caller }: SettledAttempt,
    verdict: Verdict,
    outcome: VerdictOutcome,
    now: number,
  ): void {
    const { engine } = this.part;
    const weight =
      verdict.kind === "ack" || verdict.kind === "fail" || verdict.kind === "fatal"
        ? this.#timings.weight()
        : 0;
    if (weight > 0) {
      const runMs = Math.max(0, now - lease.grantedAt);
      this.#timings.add(lease.type, lease.waitedMs, runMs, verdict.kind !== "ack", weight);
    }
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
    if (caller !== null)
      tellEnd(engine, { id, caller }, outcome, verdict).catch((error) =>
        this.#hearer.failed(asHoldfastError(error)),
      );
  }

  /** Writes the last timings and reports. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#timings.write(this.part.engine, true), this.#stale.drain()]);
  }
}

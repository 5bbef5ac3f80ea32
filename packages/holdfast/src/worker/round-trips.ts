import type { HoldfastError } from "@holdfast/contracts";
import type { RoundTrip } from "../engine/engine.ts";
import type { AcquireRequest, Asked } from "./acquire-request.ts";
import type { HeldTasks } from "./held-tasks.ts";
import { monotonicMs } from "./lease-table.ts";
import type { RunnerOptions, Settled } from "./runner-options.ts";
import { untilAnswered } from "./until-answered.ts";

/** After Redis says that tasks wait for their type, calls name the types of this worker for this long, ms. */
export const TYPED_MS = 60_000;

/** The runner for which the calls are made. */
export interface Caller {
  readonly held: Pick<HeldTasks, "leave">;
  /** Whether an acquire that finds nothing is kept ("parked") in Redis until there are tasks. */
  parks(): boolean;
  /** Whether to stop repeating a failed call. */
  givesUp(isAcquire: boolean): boolean;
  /** Called after each failure. The slots that the call had reserved are free again. */
  failed(error: HoldfastError): void;
}

export interface Answer {
  trip: RoundTrip;
  /** When the call was sent, ms of the monotonic clock. */
  sentAtMs: number;
  /** Whether an attempt of the call failed before it was answered, so that other tasks may use its slots by now. */
  isLate: boolean;
}

/** Makes the calls of a runner that settle and acquire tasks. Each call is repeated until Redis answers. */
export class RoundTrips {
  /** How many calls Redis has not answered yet. */
  inFlight = 0;
  /** How many ended tasks the unanswered calls settle. */
  settling = 0;
  /** How many tasks the unanswered calls ask for. */
  reserved = 0;
  /** Whether the last attempt of a call failed, so that Redis seems to be down. */
  silent = false;
  /** The rules of handlers at their limit. The last call did not ask for their tasks, so some may wait. */
  waitsFor: readonly string[] = [];
  readonly #o: RunnerOptions;
  readonly #acquire: AcquireRequest;
  readonly #caller: Caller;
  /** Until this time the calls name the types of this worker, ms of the monotonic clock. */
  #tellsTypesUntilMs = 0;

  constructor(options: RunnerOptions, acquire: AcquireRequest, caller: Caller) {
    this.#o = options;
    this.#acquire = acquire;
    this.#caller = caller;
  }

  /** Called when an answer shows that tasks wait for a worker that runs their type. */
  tellTypes(): void {
    this.#tellsTypesUntilMs = monotonicMs() + TYPED_MS;
  }

  /**
   * Makes one call, and forgets the settled tasks when it has ended.
   * @param want how many tasks the call asks for
   * @returns null if the call was given up
   */
  async make(settled: readonly Settled[], want: number): Promise<Answer | null> {
    const { slots } = this.#o;
    this.inFlight++;
    slots.settling += settled.length;
    this.settling += settled.length;
    const held = slots.held - settled.length + slots.reserved;
    // A worker that holds no task may be granted one that runs alone, so other runners wait for the answer.
    const reservation = slots.reserve(want, want > 0 && held === 0);
    this.reserved += want;
    const letGo = () => {
      if (reservation.end()) this.reserved -= want;
    };
    const asked = settled.length === 0 ? this.#acquire.send() : this.#acquire.create();
    const sentAtMs = monotonicMs();
    const trip = await this.#send(settled, asked, { want, held }, letGo);
    const isLate = reservation.isOver;
    this.silent = false;
    this.inFlight--;
    letGo();
    slots.settling -= settled.length;
    this.settling -= settled.length;
    for (const { task } of settled) this.#caller.held.leave(task);
    this.#acquire.answered(asked, trip);
    if (trip === null) return null;
    // Only an answer to a call that asked for tasks says whether tasks wait for their type.
    if (want > 0 && !trip.typed) this.waitsFor = [];
    if (trip.typed) this.tellTypes();
    return { trip, sentAtMs, isLate };
  }

  #send(
    settled: readonly Settled[],
    { request, nonce }: Asked,
    { want, held }: { want: number; held: number },
    letGo: () => void,
  ): Promise<RoundTrip | null> {
    const verdicts = settled.map(({ verdict }) => verdict);
    const { engine, leaseMs, maxRetries, workerId, noHandlerAfterMs, handlers } = this.#o;
    const tells = monotonicMs() < this.#tellsTypesUntilMs;
    const told = handlers.hasLimits || tells ? handlers.tell(want, tells) : null;
    if (want > 0) this.waitsFor = told?.short ?? [];
    const { ownTerms } = handlers;
    const types = told?.text ?? "";
    const args = { want, held, leaseMs, maxRetries, ownTerms, workerId, nonce, types, noHandlerAfterMs };
    const answer = untilAnswered(
      () =>
        verdicts.length === 0
          ? engine.acquire({ ...args, park: this.#caller.parks() }, request)
          : engine.settle(verdicts, args, request),
      (error) => {
        // The other runners go on, because in a Cluster perhaps only the node of this queue is down.
        this.silent = true;
        letGo();
        this.#caller.failed(error);
      },
      () => this.#caller.givesUp(verdicts.length === 0),
    );
    return told ? answer.finally(told.answered) : answer;
  }
}

import type { HoldfastError } from "@holdfast/contracts";
import type { RoundTrip } from "../engine/engine.ts";
import type { AcquireRequest, Asked } from "./acquire-request.ts";
import type { HeldTasks } from "./held-tasks.ts";
import { monotonicMs } from "./lease-table.ts";
import type { RunnerOptions, Settled } from "./runner-options.ts";
import { untilAnswered } from "./until-answered.ts";

/**
 * How long a caller sends its types with each call after it last learned that tasks are put aside (lua/lib/typed.lua),
 * ms.
 */
export const TYPED_MS = 60_000;

/** The runner whose calls are made. */
export interface Caller {
  readonly held: Pick<HeldTasks, "leave">;
  /** Whether an acquire that finds nothing is parked. */
  parks(): boolean;
  /** Whether a call is not repeated any more after a failure. */
  givesUp(isAcquire: boolean): boolean;
  /** Called after each failure. The call no longer holds its slots then. */
  failed(error: HoldfastError): void;
}

export interface Answer {
  trip: RoundTrip;
  /** The time at which the call was sent, ms of the monotonic clock. */
  sentAtMs: number;
  /** Whether a failure came before the answer, so that other tasks may have taken its slots. */
  isLate: boolean;
}

/** Makes the calls of a runner that settle and acquire, repeats each until it is answered, and counts what is in them. */
export class RoundTrips {
  /** The calls that Redis has not answered yet. */
  inFlight = 0;
  /** The verdicts in unanswered calls. */
  settling = 0;
  /** The tasks that unanswered calls ask for. */
  reserved = 0;
  /** Whether Redis does not answer at present. */
  silent = false;
  /** The handlers at their limit. The last call asked for no tasks of them, although such tasks may be put aside. */
  waitsFor: readonly string[] = [];
  readonly #o: RunnerOptions;
  readonly #acquire: AcquireRequest;
  readonly #caller: Caller;
  /** The types are sent with each call until this time, ms of the monotonic clock. */
  #tellsTypesUntilMs = 0;

  constructor(options: RunnerOptions, acquire: AcquireRequest, caller: Caller) {
    this.#o = options;
    this.#acquire = acquire;
    this.#caller = caller;
  }

  /** Called when an answer shows that tasks were put aside for a worker that runs their type. */
  tellTypes(): void {
    this.#tellsTypesUntilMs = monotonicMs() + TYPED_MS;
  }

  /**
   * Makes a call, and lets the settled tasks go when it ends.
   * @param want how many tasks the call asks for
   * @returns null if the call was given up
   */
  async make(settled: readonly Settled[], want: number): Promise<Answer | null> {
    const { slots } = this.#o;
    this.inFlight++;
    slots.settling += settled.length;
    this.settling += settled.length;
    const held = slots.held - settled.length + slots.reserved;
    // A task that has to run alone is granted only to a worker that holds no task. If this worker holds none, the answer
    // may contain such a task, so no other runner acquires until the answer has arrived.
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
    // Only the answer to a call that asks for tasks says whether tasks are put aside.
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
        // Other runners continue, because on a Cluster it may be only the node of this part that does not answer.
        this.silent = true;
        letGo();
        this.#caller.failed(error);
      },
      () => this.#caller.givesUp(verdicts.length === 0),
    );
    return told ? answer.finally(told.answered) : answer;
  }
}

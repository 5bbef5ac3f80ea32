import { nanoid } from "nanoid";
import type { Engine, RoundTrip } from "../engine/engine.ts";
import type { Push } from "../engine/round-trip.ts";
import type { Request } from "../engine/task-scripts.ts";

/** A request for tasks. Redis builds the fence of granted tasks from `nonce`, so the worker knows it. */
export interface Asked {
  request: Request & { readonly index: number };
  nonce: string;
}

/**
 * The acquire call of a queue without pending tasks. Redis keeps ("parks") the request until an enqueue grants tasks to
 * it and publishes them. If the message is lost, the repeated request gets the same tasks.
 */
export class AcquireRequest {
  readonly #engine: Engine;
  #sent: Asked | null = null;
  #parked: Asked | null = null;
  // A push (tasks that an enqueue granted) that arrived before the answer to its request. It is kept until the answer.
  #early: Push | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get isSent(): boolean {
    return this.#sent !== null;
  }

  get isParked(): boolean {
    return this.#parked !== null;
  }

  /** Makes the part of a settle call that asks for new tasks. */
  create(): Asked {
    return { request: this.#engine.takeRequest(), nonce: nanoid(8) };
  }

  /** Repeats the parked request if there is one, and otherwise makes a new request. */
  send(): Asked {
    const asked = this.#parked ?? this.create();
    this.#sent = asked;
    this.#parked = null;
    return asked;
  }

  /** Called when Redis has answered, or when the worker has stopped waiting for the answer. */
  answered(asked: Asked, trip: RoundTrip | null): void {
    if (this.#sent === asked) this.#sent = null;
    if (trip?.parked) this.#parked = asked;
    else this.#engine.giveRequest(asked.request);
  }

  /**
   * Takes the tasks that an enqueue pushed to the parked request.
   * @returns the grants if the push answers the parked request; null if it answers another request; "again" if the push
   * has no tasks because they were too large, so the worker has to repeat the request
   */
  granted(push: Push): RoundTrip | null | "again" {
    const belongsTo = (asked: Asked | null) =>
      asked?.request.requestSlot === push.requestSlot && asked.request.sequence === push.sequence;
    if (belongsTo(this.#sent)) {
      this.#early = push;
      return null;
    }
    // The push is outdated: a repeated request has already got its tasks, or the worker gave the request up.
    if (this.#parked === null || !belongsTo(this.#parked)) return null;
    const trip = push.roundTrip(this.#parked.nonce);
    if (trip === null) return "again";
    this.#engine.giveRequest(this.#parked.request);
    this.#parked = null;
    return trip;
  }

  takeEarly(): Push | null {
    const early = this.#early;
    this.#early = null;
    return early;
  }
}

import { nanoid } from "nanoid";
import type { Engine, RoundTrip } from "../engine/engine.ts";
import type { Push } from "../engine/round-trip.ts";
import type { Request } from "../engine/task-scripts.ts";

/** A request id, and the nonce for the fence of the tasks that the request may get. */
export interface Asked {
  request: Request & { readonly index: number };
  nonce: string;
}

/**
 * The acquire of an idle queue. The request is on its way to Redis, or parked there. While it is parked, an enqueue can
 * grant tasks to it and send them to the worker. If such a message is lost, the worker repeats the same request to get
 * the tasks.
 */
export class AcquireRequest {
  readonly #engine: Engine;
  #sent: Asked | null = null;
  #parked: Asked | null = null;
  // A push can arrive before the answer to the request which it belongs to. It is kept until then.
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

  /** Makes a new request for a settle that also acquires. */
  create(): Asked {
    return { request: this.#engine.takeRequest(), nonce: nanoid(8) };
  }

  /** Returns the parked request, or a new one. The request counts as sent from now on. */
  send(): Asked {
    const asked = this.#parked ?? this.create();
    this.#sent = asked;
    this.#parked = null;
    return asked;
  }

  /** Called when Redis has answered, or when nobody waits for the answer any more. */
  answered(asked: Asked, trip: RoundTrip | null): void {
    if (this.#sent === asked) this.#sent = null;
    if (trip?.parked) this.#parked = asked;
    else this.#engine.giveRequest(asked.request);
  }

  /**
   * Applies a push. @returns the grants if the push answers the parked request; null if it answers another request;
   * "again" if the worker has to repeat the request to get the tasks
   */
  granted(push: Push): RoundTrip | null | "again" {
    const belongsTo = (asked: Asked | null) =>
      asked?.request.requestSlot === push.requestSlot && asked.request.sequence === push.sequence;
    if (belongsTo(this.#sent)) {
      this.#early = push;
      return null;
    }
    // If no open request matches, a repeated request has already got the tasks of the push, or the request was given
    // up.
    if (this.#parked === null || !belongsTo(this.#parked)) return null;
    const trip = push.roundTrip(this.#parked.nonce);
    // The tasks were too large to be pushed, so the worker has to ask for them.
    if (trip === null) return "again";
    this.#engine.giveRequest(this.#parked.request);
    this.#parked = null;
    return trip;
  }

  /** Returns the push that arrived before the answer to its request, and forgets it. */
  takeEarly(): Push | null {
    const early = this.#early;
    this.#early = null;
    return early;
  }
}

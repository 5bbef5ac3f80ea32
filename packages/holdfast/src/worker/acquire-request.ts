import { nanoid } from "nanoid";
import type { Engine, RoundTrip } from "../engine/engine.ts";
import type { Push } from "../engine/push.ts";
import type { Request } from "../engine/requests.ts";

/** A request id, and the second half of the fence of what it may bring. */
export interface Asked {
  request: Request & { readonly index: number };
  nonce: string;
}

/**
 * The acquire of an idle queue: on its way to Redis, or parked there. While it is parked an enqueue grants tasks to it and
 * sends them; what of that is lost is had again by repeating the very same request.
 */
export class AcquireRequest {
  readonly #engine: Engine;
  #sent: Asked | null = null;
  #parked: Asked | null = null;
  // A grant that overtook the answer to the request that it belongs to.
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

  /** A request of its own, for a settle that acquires as well. */
  create(): Asked {
    return { request: this.#engine.takeRequest(), nonce: nanoid(8) };
  }

  /** The one that is parked, or a new one; it is under way from now on. */
  send(): Asked {
    const asked = this.#parked ?? this.create();
    this.#sent = asked;
    this.#parked = null;
    return asked;
  }

  /** Redis has answered, or nobody waits for its answer any more. */
  answered(asked: Asked, trip: RoundTrip | null): void {
    if (this.#sent === asked) this.#sent = null;
    if (trip?.parked) this.#parked = asked;
    else this.#engine.giveRequest(asked.request);
  }

  /** @returns the grants of a push to the parked request; null of any other, "again" where the request has to be repeated for them */
  granted(push: Push): RoundTrip | null | "again" {
    const belongsTo = (asked: Asked | null) =>
      asked?.request.requestSlot === push.requestSlot && asked.request.sequence === push.sequence;
    if (belongsTo(this.#sent)) {
      this.#early = push;
      return null;
    }
    // If no open request matches, its tasks came with a repeated request already, or the request was given up.
    if (this.#parked === null || !belongsTo(this.#parked)) return null;
    const trip = push.roundTrip(this.#parked.nonce);
    // The tasks are too large for a message.
    if (trip === null) return "again";
    this.#engine.giveRequest(this.#parked.request);
    this.#parked = null;
    return trip;
  }

  /** The push that came before the answer to its request. */
  takeEarly(): Push | null {
    const early = this.#early;
    this.#early = null;
    return early;
  }
}

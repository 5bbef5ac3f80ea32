import { hash } from "node:crypto";
import { parseCancel, parsePush, type RoundTrip } from "../engine/round-trip.ts";
import type { Request } from "../engine/task-scripts.ts";
import { whenAborted } from "../when-aborted.ts";
import type { RemoteRequest, RemoteWorker } from "./remote-worker.ts";

const NONCE_CHARACTERS = 8;

/** A request of a remote worker as Redis knows it. A repeat of the request gives the same values. */
export interface Asked {
  request: Request;
  /** The owner, then characters that only this request has. So the fence of a task says who may settle it. */
  nonce: string;
}

export function askedOf({ id, owner }: RemoteWorker, { lane, requestId }: RemoteRequest): Asked {
  const own = hash("sha256", `${id} ${lane} ${requestId}`, "base64url").slice(0, NONCE_CHARACTERS);
  return {
    request: { requestSlot: `#q:${owner}~${id}:${lane}`, sequence: requestId },
    nonce: owner + own,
  };
}

/** Whether the fence was made for a request of this owner. */
export function isOf(owner: string, fence: string): boolean {
  const nonce = fence.slice(fence.indexOf("-") + 1);
  return nonce.length === owner.length + NONCE_CHARACTERS && nonce.startsWith(owner);
}

/** A long poll, which waits for messages of Redis while its request is parked in each part of the queue. */
export class Poll {
  readonly asked: Asked;
  /** Counts the messages, so that none is missed that comes during an acquire. */
  heard = 0;
  /** The pushes that answer the parked request, by the name of the part. */
  readonly #pushed = new Map<string, RoundTrip | null>();
  #tell: () => void = () => {};

  constructor(asked: Asked) {
    this.asked = asked;
  }

  /** Called with each message for the workers of a part, or for this worker. */
  hear(part: string, message: Buffer): void {
    const push = parsePush(message);
    if (push) {
      const { requestSlot, sequence } = this.asked.request;
      if (push.requestSlot !== requestSlot || push.sequence !== sequence) return;
      this.#pushed.set(part, push.roundTrip(this.asked.nonce));
    } else if (parseCancel(message)) return;
    this.heard++;
    this.#tell();
  }

  /** Returns the grants that Redis has pushed for this part; null if an acquire has to fetch them, or there are none. */
  takePushed(part: string): RoundTrip | null {
    const trip = this.#pushed.get(part) ?? null;
    this.#pushed.delete(part);
    return trip;
  }

  /** Resolves when a message has come since `heard` was read, the time is over, or the signal is aborted. */
  news(since: number, limitMs: number, signal: AbortSignal): Promise<void> {
    if (this.heard !== since || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        forget();
        this.#tell = () => {};
        resolve();
      };
      const timer = setTimeout(over, limitMs);
      const forget = whenAborted(signal, over);
      this.#tell = over;
    });
  }
}

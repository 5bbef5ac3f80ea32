import { hash } from "node:crypto";
import { parseCancel, parsePush, type RoundTrip } from "../engine/round-trip.ts";
import type { Request } from "../engine/task-scripts.ts";
import { whenAborted } from "../when-aborted.ts";
import type { RemoteRequest, RemoteWorker } from "./remote-worker.ts";

const NONCE_CHARACTERS = 8;

/** A request of a remote worker as it is sent to Redis. If the worker repeats the request, it has the same values. */
export interface Asked {
  request: Request;
  /**
   * The owner of the worker, then characters of this request. It becomes part of the fence of the tasks, so that only
   * the same owner can settle them.
   */
  nonce: string;
}

export function askedOf({ id, owner }: RemoteWorker, { lane, requestId }: RemoteRequest): Asked {
  const own = hash("sha256", `${id} ${lane} ${requestId}`, "base64url").slice(0, NONCE_CHARACTERS);
  return {
    request: { requestSlot: `#q:${owner}~${id}:${lane}`, sequence: requestId },
    nonce: owner + own,
  };
}

/** Returns whether the fence is from a request of this owner. */
export function isOf(owner: string, fence: string): boolean {
  const nonce = fence.slice(fence.indexOf("-") + 1);
  return nonce.length === owner.length + NONCE_CHARACTERS && nonce.startsWith(owner);
}

/** A long poll of a remote worker. It waits until Redis grants tasks to its request, parked in each partition. */
export class Poll {
  readonly asked: Asked;
  /** Counts the messages, so that `news` notices a message that came during the acquire before it. */
  heard = 0;
  /** Tasks that an enqueue granted to the parked request (a push), by the name of the queue or partition. */
  readonly #pushed = new Map<string, RoundTrip | null>();
  #tell: () => void = () => {};

  constructor(asked: Asked) {
    this.asked = asked;
  }

  /** Called with each message on the channels of the queue and of this worker. */
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

  /**
   * Returns the tasks that an enqueue pushed in this partition, once. Null if there are none, or if the tasks were too
   * large for a message, so that an acquire has to fetch them.
   */
  takePushed(part: string): RoundTrip | null {
    const trip = this.#pushed.get(part) ?? null;
    this.#pushed.delete(part);
    return trip;
  }

  /** Resolves when a message has come since `heard` was `since`, after `limitMs`, or when the signal is aborted. */
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

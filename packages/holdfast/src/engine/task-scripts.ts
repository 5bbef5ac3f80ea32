import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type QueueKeys, queueKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";
import type { TailBytes } from "../redis/tail-bytes.ts";
import { answerOf, type EnqueueAnswer, type EnqueueArgs, finish } from "./enqueue-answer.ts";
import type { RoundTrip } from "./round-trip.ts";
import {
  acquireFields,
  inPlace,
  parseRoundTrip,
  type RoundTripArgs,
  type RoundTripReply,
} from "./round-trip-call.ts";
import { type Verdict, verdictTail } from "./verdict.ts";

/**
 * The id of a call. If the call is repeated with the same id, the script gives the same answer again. A slot is a place
 * in Redis for the last answer. In one slot, a call with a lower sequence than the last one is refused.
 */
export interface Request {
  readonly requestSlot: string;
  readonly sequence: number;
}

/** Hands out request ids. Each slot serves one call at a time, so that a new call may overwrite the stored answer. */
export class RequestSlots {
  readonly #prefix: string;
  readonly #free: number[] = [];
  readonly #sequences: number[] = [];

  /**
   * @param instance a name for people who read the keys. A random part is added, because a restarted process begins
   * with sequence 1 again and must not use the slots of the old one.
   */
  constructor(instance = "") {
    this.#prefix = `#q:${instance}${instance && "-"}${nanoid(10)}:`;
  }

  take(): Request & { readonly index: number } {
    const index = this.#free.pop() ?? this.#sequences.length;
    const sequence = (this.#sequences[index] ?? 0) + 1;
    this.#sequences[index] = sequence;
    return { requestSlot: `${this.#prefix}${index}`, sequence, index };
  }

  give(request: { readonly index: number }): void {
    this.#free.push(request.index);
  }

  /** Runs a call with a new request id. */
  async with<Result>(call: (request: Request) => Promise<Result>): Promise<Result> {
    const request = this.take();
    try {
      return await call(request);
    } finally {
      this.give(request);
    }
  }
}

/** The arguments of every script that stores its reply for a repeated call. */
interface Requested {
  clockMs: number;
  requestSlot: string;
  sequence: number;
}

/**
 * Calls the scripts that take a task of one queue from its enqueue to its end. Adds the keys of the queue, the clock
 * and a request id to each call. The other scripts are in `OperatorScripts` and `Engine`.
 */
export abstract class TaskScripts {
  readonly queue: string;
  readonly keys: QueueKeys;
  readonly connection: Connection;
  readonly #requests: RequestSlots;
  readonly clockMs: () => number;
  protected readonly register: () => Promise<void>;

  /**
   * @param options.register adds the queue to the registry @default does nothing, so that operators and janitors do not
   * see the queue
   * @param options.clockMs for tests: the time that the scripts use instead of the time of Redis. 0: the time of Redis
   */
  constructor(
    connection: Connection,
    queue: string,
    options: {
      prefix?: string | undefined;
      instance?: string | undefined;
      register?: () => Promise<void>;
      clockMs?: () => number;
    } = {},
  ) {
    this.queue = queue;
    this.connection = connection;
    this.keys = queueKeys(options.prefix ?? "queue", queue);
    this.#requests = new RequestSlots(options.instance);
    this.register = options.register ?? (async () => {});
    this.clockMs = options.clockMs ?? (() => 0);
  }

  protected run<Args, Reply>(script: Script<Args>, args: Args, tail?: TailBytes): Promise<Reply> {
    return this.connection.script<Args, Reply>(script, this.keys, args, undefined, tail);
  }

  /** @param request the request id of a caller that repeats the call until it is answered @default a new one */
  protected withRequest<Result>(
    call: (request: Request) => Promise<Result>,
    request?: Request,
  ): Promise<Result> {
    return request ? call(request) : this.#requests.with(call);
  }

  /** Runs a script with a request id and the clock. */
  runRequest<Args extends Requested, Reply>(
    script: Script<Args>,
    args: Omit<Args, keyof Requested>,
    request?: Request,
  ): Promise<Reply> {
    return this.withRequest(
      ({ requestSlot, sequence }) =>
        this.run<Args, Reply>(script, { clockMs: this.clockMs(), requestSlot, sequence, ...args } as Args),
      request,
    );
  }

  /** Returns a request id for a caller that repeats its call until it is answered. */
  takeRequest() {
    return this.#requests.take();
  }

  giveRequest(request: { readonly index: number }): void {
    this.#requests.give(request);
  }

  abstract open(): Promise<void>;

  /** Enqueues tasks. If Redis does not know the queue, it is registered first. */
  async enqueue(args: EnqueueArgs, request?: Request): Promise<EnqueueAnswer> {
    let isAnswered = false;
    try {
      const answer = await this.#enqueue(args, request);
      isAnswered = true;
      const isOpen = (args.checked || args.unique === true) && /[ew]/.test(answer.verdicts);
      if (!isOpen) return answer;
      return await finish(args, answer, {
        store: (some) => this.#enqueue(some),
        again: (tail) => this.enqueueAgain(tail),
        replace: (tail) => this.replace(tail),
      });
    } finally {
      args.bytes?.release(this.connection.pool, isAnswered);
    }
  }

  #enqueue(args: EnqueueArgs, request?: Request): Promise<EnqueueAnswer> {
    const call = async ({ requestSlot, sequence }: Request) => {
      for (;;) {
        const reply = await this.run<scripts.EnqueueArgs, string>(
          scripts.enqueueScript,
          {
            clockMs: this.clockMs(),
            requestSlot,
            sequence,
            checked: (args.checked ? (args.once ? 2 : 1) : 0) + (args.unique ? 4 : 0),
            high: args.high,
            normal: args.normal,
            low: args.low,
            keyed: args.keyed ?? 0,
            tail: args.tail,
          },
          args.bytes,
        );
        const [now, verdicts, states, ...owners] = reply.split(" ");
        this.connection.observeClock(Number(now));
        if (verdicts !== undefined && states !== undefined)
          return owners.length === 0 ? { verdicts, states } : { verdicts, states, owners };
        await this.open();
      }
    };
    return this.withRequest(call, request);
  }

  /** Like `enqueue`, for ids whose tasks did not complete. One more letter, g: the id is not known any more. */
  async enqueueAgain(tail: readonly string[], request?: Request): Promise<EnqueueAnswer> {
    const [verdicts, states, owners] = await this.runRequest<
      scripts.EnqueueAgainArgs,
      [verdicts: string, states: string, owners?: string]
    >(scripts.enqueueAgainScript, { tail }, request);
    return owners === undefined ? { verdicts, states } : answerOf(verdicts, states, owners);
  }

  /**
   * Replaces waiting tasks. `tail` has two texts per task: the id of the task that holds the unique key, and the new
   * envelope. Returns a letter per task: p replaced and pending, s replaced and scheduled, g the task no longer waits
   * under this key, x the task has another type or another key.
   */
  replace(tail: readonly string[], request?: Request): Promise<string> {
    return this.runRequest<scripts.ReplaceArgs, string>(scripts.replaceScript, { tail }, request);
  }

  async acquire(args: RoundTripArgs, request?: Request): Promise<RoundTrip> {
    const reply = await this.runRequest<scripts.AcquireArgs, RoundTripReply>(
      scripts.acquireScript,
      { ...acquireFields(args), park: args.park ? 1 : 0 },
      request,
    );
    return parseRoundTrip(reply, args.nonce);
  }

  /** Settles attempts and acquires tasks in one call. The outcomes are in the order of `verdicts`. */
  async settle(verdicts: readonly Verdict[], args: RoundTripArgs, request?: Request): Promise<RoundTrip> {
    const { acks, fences, tail, places } = verdictTail(verdicts);
    const reply = await this.runRequest<scripts.SettleArgs, RoundTripReply>(
      scripts.settleScript,
      { ...acquireFields(args), acks, fences, tail },
      request,
    );
    const trip = parseRoundTrip(reply, args.nonce);
    trip.outcomes = inPlace(trip.outcomes, places);
    return trip;
  }
}

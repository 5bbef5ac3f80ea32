import { HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { MAX_TYPES, OTHER_TYPE } from "../series/type-series.ts";
import { answerOf, type EnqueueAnswer, type EnqueueArgs, finish } from "./enqueue-answer.ts";
import { OperatorScripts } from "./operator-scripts.ts";
import type { Request } from "./requests.ts";
import type { RoundTrip } from "./round-trip.ts";
import {
  acquireFields,
  inPlace,
  parseRoundTrip,
  type RoundTripArgs,
  type RoundTripReply,
} from "./round-trip-call.ts";
import { type Verdict, verdictTail } from "./verdict.ts";

export type { Grant, RoundTrip, VerdictOutcome } from "./round-trip.ts";
export type { RoundTripArgs } from "./round-trip-call.ts";
export type { Verdict } from "./verdict.ts";

const TIMINGS_TTL_MS = 2_678_400_000; // The timings of a deleted queue expire after this time.

/** The other queues and partitions in the same Redis. */
export interface Peers {
  engine(part: string): Engine;
  /** Whether a queue or partition exists. */
  exists(part: string): Promise<boolean>;
  /** The numbers of partitions of all queues: see `PartitionRegistry`. */
  partitionFields(): Promise<Record<string, string>>;
}

const NO_PEERS: Peers = {
  engine(part) {
    throw new HoldfastError("invalid_argument", `this engine does not know "${part}"`);
  },
  exists: async () => false,
  partitionFields: async () => ({}),
};

/**
 * The state engine of one queue: one typed method per script. Tasks move only when its methods are called. Those of
 * producers and workers are here.
 */
export class Engine extends OperatorScripts {
  #opening: Promise<void> | undefined;
  readonly peers: Peers;

  /** @param options.peers for flows over several queues or partitions @default none */
  constructor(
    connection: Connection,
    queue: string,
    options: ConstructorParameters<typeof OperatorScripts>[2] & { peers?: Peers | undefined } = {},
  ) {
    super(connection, queue, options);
    this.peers = options.peers ?? NO_PEERS;
  }

  /**
   * Registers the queue if it is not registered: before its first task, and again if it was deleted while it is in use.
   * @throws HoldfastError as `Registry.addQueue`
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const ask = (confirmed: string) =>
      this.run<scripts.OpenArgs, string>(scripts.openScript, { nonce: nanoid(10), confirmed });
    // The loop repeats only if the queue is deleted during a round.
    for (;;) {
      const asked = await ask("");
      // Even if the queue says that it is registered, it is registered again: on a Cluster the registry is on another
      // node, and that node may have lost writes.
      await this.register();
      if (asked === "1" || (await ask(asked)) === "1") return;
    }
  }

  /**
   * Enqueues tasks. The answer has three lists. `verdicts` has a letter per task:
   *
   * - n: new, or a new life of a task that has ended
   * - p: new and due at once, although it was to be scheduled
   * - d: duplicate
   * - c: conflict
   * - b: the task with this id is being cancelled
   * - f: the queue is full
   * - k: the key is full
   * - o or u: another task holds the unique key
   * - a: new, and waits for the end of the task that holds the unique key
   *
   * `states` has the state letter of the task of each d, c, o and u. `owners` has the id of the task that holds the
   * unique key, for each o and u.
   */
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
        const [now, verdicts, states, owners] = await this.run<
          scripts.EnqueueArgs,
          [now: number, verdicts?: string, states?: string, owners?: string]
        >(
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
        this.connection.observeClock(now);
        if (verdicts !== undefined && states !== undefined)
          return owners === undefined ? { verdicts, states } : answerOf(verdicts, states, owners);
        await this.open();
      }
    };
    return this.withRequest(call, request);
  }

  /**
   * Like `enqueue`, for tasks that ended without completing. `tail` alternates ids and envelopes. There is one more
   * verdict, g: Redis knows nothing about the id any more.
   */
  async enqueueAgain(tail: readonly string[], request?: Request): Promise<EnqueueAnswer> {
    const [verdicts, states, owners] = await this.runRequest<
      scripts.EnqueueAgainArgs,
      [verdicts: string, states: string, owners?: string]
    >(scripts.enqueueAgainScript, { tail }, request);
    return owners === undefined ? { verdicts, states } : answerOf(verdicts, states, owners);
  }

  /**
   * Replaces tasks. The arguments are pairs of the id of the task that holds a unique key and the new envelope. Returns
   * a letter per pair: p replaced and pending, s replaced and scheduled, g the task no longer waits under this key, x
   * the task has another type or another key.
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

  /** Settles attempts and acquires in one round trip. Outcomes come in the order of `verdicts`. */
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

  /**
   * Extends leases. Returns a letter per pair of id and fence: r renewed, c renewed but a cancel was requested, l lost.
   */
  heartbeat(pairs: readonly string[], leaseMs: number): Promise<string> {
    return this.run(scripts.heartbeatScript, { clockMs: this.clockMs(), leaseMs, tail: pairs });
  }

  /** @returns false if the fence is stale */
  async progress(
    id: string,
    fence: string,
    change: { progress?: string; checkpoint?: string; line?: string },
  ): Promise<boolean> {
    const args = {
      clockMs: this.clockMs(),
      taskId: id,
      fence,
      progress: change.progress ?? "",
      checkpoint: change.checkpoint ?? "",
      line: change.line ?? "",
      maxLines: 50,
    };
    return (await this.run<scripts.ProgressArgs, number>(scripts.progressScript, args)) === 1;
  }

  /** The checkpoint of a task, JSON text; undefined if it has none. */
  async checkpoint(id: string): Promise<string | undefined> {
    const told = await this.connection.command<string | null>("HGET", this.keys.progress, id);
    return told?.split("\n", 1)[0]?.split("\t")[1];
  }

  /** Adds to the counts of one task type. `fields` alternates field names, of which `n` is one, and numbers. */
  async typeTimings(taskType: string, fields: readonly (string | number)[]): Promise<void> {
    await this.run<scripts.TypeTimingsArgs, string>(scripts.typeTimingsScript, {
      ...{ ttlMs: TIMINGS_TTL_MS, maxTypes: MAX_TYPES, taskType, other: OTHER_TYPE },
      tail: fields,
    });
  }

  /** Adds to the counts of how long tasks waited and ran. `fields` alternates field names and numbers. */
  async timings(fields: readonly (string | number)[]): Promise<void> {
    await this.run<scripts.TimingsArgs, number>(scripts.timingsScript, {
      ttlMs: TIMINGS_TTL_MS,
      tail: fields,
    });
  }
}

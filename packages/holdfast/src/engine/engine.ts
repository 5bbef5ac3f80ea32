import { type Durability, HoldfastError, LIMITS, type QueueSettings } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type QueueKeys, queueKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";
import type { TailBytes } from "../redis/tail-bytes.ts";
import { answerOf, type EnqueueAnswer, type EnqueueArgs, lettersOf, partOf } from "./enqueue-answer.ts";
import { envelopeIn } from "./record.ts";
import type { AuditReply, ListOrder, RawStats, RawTask } from "./replies.ts";
import { type Request, RequestSlots } from "./requests.ts";
import { parseRoundTrip, type RoundTrip, type RoundTripReply, type VerdictOutcome } from "./round-trip.ts";
import { encodeLine, encodeWord } from "./text.ts";
import { type Verdict, verdictTail } from "./verdict.ts";

export type { Grant, RoundTrip, VerdictOutcome } from "./round-trip.ts";
export type { Verdict } from "./verdict.ts";

// A queue that was deleted is not left with them for ever.
const TIMINGS_TTL_MS = 2_678_400_000;

const AGAIN_ROUNDS = 10;

export interface RoundTripArgs {
  want: number;
  held: number;
  leaseMs: number;
  maxRetries: number;
  workerId: string;
  nonce: string;
  /** "" for tasks of any type; otherwise those that the worker runs, a space before each (`lua/lib/typed.lua`). @default "" */
  types?: string;
  noHandlerAfterMs: number;
  /** If nothing is granted, an acquire leaves its request in Redis for the next enqueue. @default false */
  park?: boolean;
}

/** The arguments of an acquire, alone or after a settle. */
function acquireFields(args: RoundTripArgs) {
  const { want, held, leaseMs, maxRetries, workerId, nonce, types = "", noHandlerAfterMs } = args;
  return { want, held, leaseMs, maxRetries, workerId, nonce, types, noHandlerAfterMs };
}

/** The outcomes in the order in which the verdicts were given: `places` says where each of them stood. */
function inPlace(outcomes: readonly VerdictOutcome[], places: readonly number[]): VerdictOutcome[] {
  const placed = new Array<VerdictOutcome>(places.length);
  for (let i = 0; i < places.length; i++) placed[places[i] as number] = outcomes[i] ?? "unknown";
  return placed;
}

/** The state engine of one queue: one typed method per script. It moves no task unless it is called. */
export class Engine {
  readonly queue: string;
  readonly keys: QueueKeys;
  readonly connection: Connection;
  readonly #requests: RequestSlots;
  readonly #clockMs: () => number;
  readonly #register: () => Promise<void>;
  #opening: Promise<void> | undefined;

  /**
   * @param options.register adds the queue to the registry @default nothing: it is known only to who names it
   * @param options.clockMs tests only: the time that the scripts take instead of Redis TIME, 0 for Redis TIME
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
    this.#register = options.register ?? (async () => {});
    this.#clockMs = options.clockMs ?? (() => 0);
  }

  #run<Args, Reply>(script: Script<Args>, args: Args, tail?: TailBytes): Promise<Reply> {
    return this.connection.script<Args, Reply>(script, this.keys, args, undefined, tail);
  }

  /** A request id for a call that the caller itself repeats until it is answered. */
  takeRequest() {
    return this.#requests.take();
  }

  giveRequest(request: { readonly index: number }): void {
    this.#requests.give(request);
  }

  /**
   * Registers the queue if it is not registered: before its first task, and after a deletion while somebody still uses it.
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
      this.#run<scripts.OpenArgs, string>(scripts.openScript, { nonce: nanoid(10), confirmed });
    // It goes round again only where the queue is deleted in the middle of it.
    for (;;) {
      const asked = await ask("");
      // Also if the queue says that it is registered: on a Cluster the registry is on another node, which may have lost writes.
      await this.#register();
      if (asked === "1" || (await ask(asked)) === "1") return;
    }
  }

  /**
   * A letter per task: n new (or a new life of a task that ended), p the same and due at once although it was to be
   * scheduled, d duplicate, c conflict, b being cancelled, f queue full; and the state letter of each d and c.
   */
  async enqueue(args: EnqueueArgs, request?: Request): Promise<EnqueueAnswer> {
    let isAnswered = false;
    try {
      const answer = await this.#enqueue(args, request);
      isAnswered = true;
      return args.checked && answer.verdicts.includes("e") ? await this.#beginAgain(args, answer) : answer;
    } finally {
      args.bytes?.release(this.connection.pool, isAnswered);
    }
  }

  #enqueue(args: EnqueueArgs, request?: Request): Promise<EnqueueAnswer> {
    const call = async ({ requestSlot, sequence }: Request) => {
      for (;;) {
        const [now, verdicts, states] = await this.#run<
          scripts.EnqueueArgs,
          [now: number, verdicts?: string, states?: string]
        >(
          scripts.enqueueScript,
          {
            clockMs: this.#clockMs(),
            requestSlot,
            sequence,
            checked: args.checked ? (args.once ? 2 : 1) : 0,
            high: args.high,
            normal: args.normal,
            low: args.low,
            tail: args.tail,
          },
          args.bytes,
        );
        this.connection.observeClock(now);
        if (verdicts !== undefined && states !== undefined) return { verdicts, states };
        await this.open();
      }
    };
    return request ? call(request) : this.#requests.with(call);
  }

  /** In a call of its own, so that an enqueue of new tasks does not name the keys that it takes. */
  async #beginAgain(args: EnqueueArgs, first: EnqueueAnswer): Promise<EnqueueAnswer> {
    const letters = lettersOf(first);
    const placesOf = (letter: string) => letters.flatMap((own, place) => (own === letter ? [place] : []));
    // Others may purge, enqueue and cancel the same ids all the while.
    for (let round = 0; round < AGAIN_ROUNDS; round++) {
      const ended = placesOf("e");
      if (ended.length === 0) return answerOf(letters);
      const begun = lettersOf(await this.enqueueAgain(partOf(args, ended).tail));
      ended.forEach((place, i) => {
        letters[place] = begun[i] ?? "e";
      });
      const gone = placesOf("g");
      if (gone.length === 0) continue;
      const stored = lettersOf(await this.#enqueue(partOf(args, gone)));
      gone.forEach((place, i) => {
        letters[place] = stored[i] ?? "e";
      });
    }
    throw new HoldfastError("conflict", "others enqueue and remove tasks with the same ids: try again", {
      retryAfterMs: 1_000,
    });
  }

  /** As `enqueue`, of tasks that ended without completing: ids and envelopes in turn. g: the id is not known any more. */
  enqueueAgain(tail: readonly string[], request?: Request): Promise<EnqueueAnswer> {
    const call = async ({ requestSlot, sequence }: Request) => {
      const [verdicts, states] = await this.#run<scripts.EnqueueAgainArgs, [string, string]>(
        scripts.enqueueAgainScript,
        { clockMs: this.#clockMs(), requestSlot, sequence, tail },
      );
      return { verdicts, states };
    };
    return request ? call(request) : this.#requests.with(call);
  }

  acquire(args: RoundTripArgs, request?: Request): Promise<RoundTrip> {
    const call = async ({ requestSlot, sequence }: Request) =>
      parseRoundTrip(
        await this.#run<scripts.AcquireArgs, RoundTripReply>(scripts.acquireScript, {
          clockMs: this.#clockMs(),
          requestSlot,
          sequence,
          ...acquireFields(args),
          park: args.park ? 1 : 0,
        }),
        args.nonce,
      );
    return request ? call(request) : this.#requests.with(call);
  }

  /** Settles attempts and acquires in one round trip. Outcomes come in the order of `verdicts`. */
  settle(verdicts: readonly Verdict[], args: RoundTripArgs, request?: Request): Promise<RoundTrip> {
    const { acks, fences, tail, places } = verdictTail(verdicts);
    const call = async ({ requestSlot, sequence }: Request) => {
      const reply = await this.#run<scripts.SettleArgs, RoundTripReply>(scripts.settleScript, {
        clockMs: this.#clockMs(),
        requestSlot,
        sequence,
        ...acquireFields(args),
        acks,
        fences,
        tail,
      });
      const trip = parseRoundTrip(reply, args.nonce);
      trip.outcomes = inPlace(trip.outcomes, places);
      return trip;
    };
    return request ? call(request) : this.#requests.with(call);
  }

  /** A letter per pair of id and fence: r renewed, c renewed and a cancel was requested, l lost. */
  heartbeat(pairs: readonly string[], leaseMs: number): Promise<string> {
    return this.#run(scripts.heartbeatScript, { clockMs: this.#clockMs(), leaseMs, tail: pairs });
  }

  /** @returns false where the fence is stale */
  async progress(id: string, fence: string, change: { progress?: string; line?: string }): Promise<boolean> {
    const args = {
      taskId: id,
      fence,
      progress: change.progress ?? "",
      line: change.line ?? "",
      maxLines: 50,
    };
    return (await this.#run<scripts.ProgressArgs, number>(scripts.progressScript, args)) === 1;
  }

  /** Counts of how long tasks waited and ran: fields and numbers in turn. */
  async timings(fields: readonly (string | number)[]): Promise<void> {
    await this.#run<scripts.TimingsArgs, number>(scripts.timingsScript, {
      ttlMs: TIMINGS_TTL_MS,
      tail: fields,
    });
  }

  /** @returns typed: how many tasks stand aside by their type */
  async promote(limit: number): Promise<{ promoted: number; nextInMs: number; typed: number }> {
    const [promoted, nextInMs, typed] = await this.#run<scripts.PromoteArgs, [number, number, number]>(
      scripts.promoteScript,
      {
        clockMs: this.#clockMs(),
        limit,
      },
    );
    return { promoted, nextInMs, typed };
  }

  /**
   * Ends tasks that stood aside for too long and whose type is not one of `types`.
   * @param known what the registry knows, for the record
   * @param after of the call before; "" to begin
   */
  async reject(
    types: readonly string[],
    known: string,
    limit: number,
    after = "",
  ): Promise<{ dead: number; after: string }> {
    const args = { clockMs: this.#clockMs(), limit, after, known: encodeLine(known), tail: types };
    const [dead, next] = await this.#run<scripts.RejectArgs, [number, string]>(scripts.rejectScript, args);
    return { dead, after: next };
  }

  /**
   * Ends pending tasks past their `expiresAt`, from the position `from` on in each list. At the heads it also drops entries whose
   * task is not pending.
   * @returns next: where to go on; 0 at the end of all lists
   */
  async expire(limit: number, from = 0): Promise<{ expired: number; dropped: number; next: number }> {
    const args = { clockMs: this.#clockMs(), limit, from };
    const [expired, dropped, next] = await this.#run<scripts.ExpireArgs, [number, number, number]>(
      scripts.expireScript,
      args,
    );
    return { expired, dropped, next };
  }

  async reap(
    limit: number,
  ): Promise<{ requeued: number; dead: number; cancelled: number; nextInMs: number }> {
    const [requeued, dead, cancelled, nextInMs] = await this.#run<
      scripts.ReapArgs,
      [number, number, number, number]
    >(scripts.reapScript, { clockMs: this.#clockMs(), limit });
    return { requeued, dead, cancelled, nextInMs };
  }

  /** @param undoMs how long a discard can be undone */
  async purge(
    limit: number,
    requestIdleMs: number,
    undoMs: number = LIMITS.undoMs,
  ): Promise<{ purged: number; forgotten: number }> {
    const [purged, forgotten] = await this.#run<scripts.PurgeArgs, [number, number]>(scripts.purgeScript, {
      clockMs: this.#clockMs(),
      limit,
      requestIdleMs,
      undoMs,
    });
    return { purged, forgotten };
  }

  /** A letter per pair of id and new envelope ("" keeps it): r replayed, n not dead, u unknown. */
  replay(tail: readonly string[], request?: Request, diedBefore = 0): Promise<string> {
    const call = ({ requestSlot, sequence }: Request) =>
      this.#run<scripts.ReplayArgs, string>(scripts.replayScript, {
        clockMs: this.#clockMs(),
        requestSlot,
        sequence,
        diedBefore,
        tail,
      });
    return request ? call(request) : this.#requests.with(call);
  }

  /** A letter per pair of an id and the queue it moved to ("" if it did not): d discarded, n not dead, u unknown. */
  discard(
    tail: readonly string[],
    request?: Request,
    options: { discard?: string; diedBefore?: number } = {},
  ): Promise<string> {
    const { discard = "-", diedBefore = 0 } = options;
    const call = ({ requestSlot, sequence }: Request) =>
      this.#run<scripts.DiscardArgs, string>(scripts.discardScript, {
        clockMs: this.#clockMs(),
        requestSlot,
        sequence,
        diedBefore,
        discard,
        tail,
      });
    return request ? call(request) : this.#requests.with(call);
  }

  /** A letter per id: r restored, n not discarded, or by another discard. */
  restore(ids: readonly string[], discard: string, request?: Request): Promise<string> {
    const call = ({ requestSlot, sequence }: Request) =>
      this.#run<scripts.RestoreArgs, string>(scripts.restoreScript, {
        clockMs: this.#clockMs(),
        requestSlot,
        sequence,
        discard,
        tail: ids,
      });
    return request ? call(request) : this.#requests.with(call);
  }

  cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    return this.#run(scripts.cancelScript, { clockMs: this.#clockMs(), taskId: id });
  }

  async pause(paused: boolean, reason = "", by = ""): Promise<void> {
    await this.#run(scripts.pauseScript, {
      clockMs: this.#clockMs(),
      paused: paused ? 1 : 0,
      reason: encodeWord(reason),
      by: encodeWord(by),
    });
  }

  async configure(settings: Partial<QueueSettings>): Promise<QueueSettings> {
    const [maxWaiting, retentionMs, retentionCount, idempotencyMs, durability] = await this.#run<
      scripts.ConfigureArgs,
      [number, number, number, number, Durability | ""]
    >(scripts.configureScript, {
      maxWaiting: settings.maxWaiting ?? -1,
      retentionMs: settings.retentionMs ?? -1,
      retentionCount: settings.retentionCount ?? -1,
      idempotencyMs: settings.idempotencyMs ?? -1,
      durability: settings.durability ?? "",
    });
    return {
      maxWaiting,
      retentionMs,
      retentionCount,
      idempotencyMs,
      durability: durability === "" ? "memory" : durability,
    };
  }

  /** Counts a visit: a number that only grows while Redis keeps its writes, and which run of the server said so. */
  async epoch(): Promise<{ epoch: number; runId: string }> {
    const [epoch, runId] = await this.#run<scripts.EpochArgs, [number, string]>(scripts.epochScript, {});
    return { epoch, runId };
  }

  async stats(): Promise<RawStats> {
    const [now, counters, accepted, settings, lengths, oldest] = await this.#run<
      scripts.StatsArgs,
      [number, number[], number[], string, number[], string[]]
    >(scripts.statsScript, { clockMs: this.#clockMs() });
    return { now, counters, accepted, settings, lengths, oldest };
  }

  /** At most 100 ids. */
  async get(ids: readonly string[]): Promise<RawTask[]> {
    if (ids.length === 0) return [];
    const reply = await this.#run<scripts.GetArgs, string[]>(scripts.getScript, { tail: ids });
    return ids.map((id, i) => {
      const [envelope = "", record = "", result = "", progress = "", score = ""] = reply.slice(
        5 * i,
        5 * i + 5,
      );
      return { id, envelope: envelope || envelopeIn(record), record, result, progress, score };
    });
  }

  async list(
    index: keyof QueueKeys,
    order: ListOrder,
    after: string,
    limit: number,
  ): Promise<{ cursor: string; length: number; ids: string[] }> {
    const [cursor, length, ...ids] = await this.#run<
      scripts.ListArgs,
      [cursor: string, length: number, ...ids: string[]]
    >(scripts.listScript, {
      indexKey: this.keys[index],
      order,
      after,
      limit,
    });
    return { cursor, length, ids };
  }

  async empty(
    index: keyof QueueKeys,
    target: string,
    limit: number,
    request?: Request,
  ): Promise<{ removed: number; looked: number }> {
    const call = async ({ requestSlot, sequence }: Request) => {
      const [removed, looked] = await this.#run<scripts.EmptyArgs, [number, number]>(scripts.emptyScript, {
        clockMs: this.#clockMs(),
        indexKey: this.keys[index],
        requestSlot,
        sequence,
        target,
        limit,
      });
      return { removed, looked };
    };
    return request ? call(request) : this.#requests.with(call);
  }

  delete(): Promise<"deleted" | "not_paused" | "busy"> {
    return this.#run(scripts.deleteScript, {});
  }

  async audit(repair: boolean, part = "", from = 0, limit = 500): Promise<AuditReply> {
    const [repaired, looked, ...found] = await this.#run<scripts.AuditArgs, [number, number, ...string[]]>(
      scripts.auditScript,
      {
        repair: repair ? 1 : 0,
        part,
        from,
        limit,
      },
    );
    const violations = [];
    for (let i = 0; i + 1 < found.length; i += 2) {
      violations.push({ invariant: found[i] as string, detail: found[i + 1] as string });
    }
    return { repaired, looked, violations };
  }
}

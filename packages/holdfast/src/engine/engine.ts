import { type Durability, LIMITS, type QueueSettings } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import * as scripts from "../redis/generated/index.ts";
import type { QueueKeys } from "../redis/keys.ts";
import { answerOf, type EnqueueAnswer, type EnqueueArgs, finish } from "./enqueue-answer.ts";
import { QueueScripts } from "./queue-scripts.ts";
import {
  type AuditReply,
  type DeleteOutcome,
  type ListOrder,
  type RawStats,
  type RawTask,
  rawTasks,
  violationsOf,
} from "./replies.ts";
import type { Request } from "./requests.ts";
import {
  acquireFields,
  inPlace,
  parseRoundTrip,
  type RoundTrip,
  type RoundTripArgs,
  type RoundTripReply,
} from "./round-trip.ts";
import { encodeLine, encodeWord } from "./text.ts";
import { type Verdict, verdictTail } from "./verdict.ts";

export type { Grant, RoundTrip, RoundTripArgs, VerdictOutcome } from "./round-trip.ts";
export type { Verdict } from "./verdict.ts";

const TIMINGS_TTL_MS = 2_678_400_000; // The timings of a deleted queue expire after this time.

/** The state engine of one queue: one typed method per script. Tasks move only when its methods are called. */
export class Engine extends QueueScripts {
  #opening: Promise<void> | undefined;

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
      this.run<scripts.OpenArgs, string>(scripts.openScript, { nonce: nanoid(10), confirmed });
    // The loop repeats only if the queue is deleted during a round.
    for (;;) {
      const asked = await ask("");
      // The queue is also registered if it says that it is: on a Cluster the registry is on another node, which may
      // have lost writes.
      await this.register();
      if (asked === "1" || (await ask(asked)) === "1") return;
    }
  }

  /**
   * Enqueues tasks. The verdicts have a letter per task: n new (or a new life of a task that ended), p new and due at
   * once although it was to be scheduled, d duplicate, c conflict, b being cancelled, f queue full, k key full, o or u
   * another task holds the unique key, a new and waits for the end of that task. The states have the state letter of
   * each d, c, o and u, and the owners the task that holds the key of each o and u.
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
   * Like `enqueue`, for tasks that ended without completing: ids and envelopes in turn. g: nothing is known about the
   * id any more.
   */
  async enqueueAgain(tail: readonly string[], request?: Request): Promise<EnqueueAnswer> {
    const [verdicts, states, owners] = await this.runRequest<
      scripts.EnqueueAgainArgs,
      [verdicts: string, states: string, owners?: string]
    >(scripts.enqueueAgainScript, { tail }, request);
    return owners === undefined ? { verdicts, states } : answerOf(verdicts, states, owners);
  }

  /**
   * Replaces tasks. The arguments are pairs: the id of the task that holds a unique key, and the new envelope. Returns
   * a letter per pair: p replaced and pending, s replaced and scheduled, g the task no longer waits under this key, x
   * it has another type or key.
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
   * Extends leases. Returns a letter per pair of id and fence: r renewed, c renewed and a cancel was requested, l lost.
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

  /** Adds to the counts of how long tasks waited and ran: fields and numbers in turn. */
  async timings(fields: readonly (string | number)[]): Promise<void> {
    await this.run<scripts.TimingsArgs, number>(scripts.timingsScript, {
      ttlMs: TIMINGS_TTL_MS,
      tail: fields,
    });
  }

  /** @returns typed: how many tasks stand aside because of their type */
  async promote(limit: number): Promise<{ promoted: number; nextInMs: number; typed: number }> {
    const [promoted, nextInMs, typed] = await this.run<scripts.PromoteArgs, [number, number, number]>(
      scripts.promoteScript,
      { clockMs: this.clockMs(), limit },
    );
    return { promoted, nextInMs, typed };
  }

  /**
   * Ends tasks that stood aside for too long and whose type is not one of `types`.
   * @param known what the registry knows, as text for the record
   * @param after the line that the call before returned; "" to begin
   */
  async reject(
    types: readonly string[],
    known: string,
    limit: number,
    after = "",
  ): Promise<{ dead: number; after: string }> {
    const args = { clockMs: this.clockMs(), limit, after, known: encodeLine(known), tail: types };
    const [dead, next] = await this.run<scripts.RejectArgs, [number, string]>(scripts.rejectScript, args);
    return { dead, after: next };
  }

  /**
   * Ends pending tasks past their `expiresAt`, from the position `from` on in each list. At the heads it also drops entries whose
   * task is not pending.
   * @returns next: the position from which to continue; 0 at the end of all lists
   */
  async expire(limit: number, from = 0): Promise<{ expired: number; dropped: number; next: number }> {
    const args = { clockMs: this.clockMs(), limit, from };
    const [expired, dropped, next] = await this.run<scripts.ExpireArgs, [number, number, number]>(
      scripts.expireScript,
      args,
    );
    return { expired, dropped, next };
  }

  async reap(
    limit: number,
  ): Promise<{ requeued: number; dead: number; cancelled: number; nextInMs: number }> {
    const [requeued, dead, cancelled, nextInMs] = await this.run<
      scripts.ReapArgs,
      [number, number, number, number]
    >(scripts.reapScript, { clockMs: this.clockMs(), limit });
    return { requeued, dead, cancelled, nextInMs };
  }

  /**
   * @param undoMs how long a discard can be undone
   * @returns uniqueKeys: how many entries of unique keys there are; dropped: dead letters that were beyond a cap
   */
  async purge(
    limit: number,
    requestIdleMs: number,
    undoMs: number = LIMITS.undoMs,
  ): Promise<{ purged: number; forgotten: number; uniqueKeys: number; dropped: number }> {
    const [purged, forgotten, uniqueKeys, dropped] = await this.run<
      scripts.PurgeArgs,
      [number, number, number, number]
    >(scripts.purgeScript, { clockMs: this.clockMs(), limit, requestIdleMs, undoMs });
    return { purged, forgotten, uniqueKeys, dropped };
  }

  /**
   * Removes entries of unique keys whose tasks no longer hold them, in one part of the hash.
   * @param cursor the cursor that the call before returned; "0" to begin
   */
  async freeKeys(limit: number, cursor: string): Promise<{ removed: number; cursor: string }> {
    const [removed, next] = await this.run<scripts.FreeKeysArgs, [number, string]>(scripts.freeKeysScript, {
      clockMs: this.clockMs(),
      cursor,
      limit,
    });
    return { removed, cursor: next };
  }

  /**
   * Replays dead letters. Returns a letter per pair of id and new envelope ("" keeps the old one): r replayed, n not
   * dead, u unknown, h another task holds its unique key. Then follow the ids of the tasks that hold these keys, with a
   * space before each.
   * @param force also replays tasks whose unique key another task holds
   */
  replay(tail: readonly string[], request?: Request, diedBefore = 0, force = false): Promise<string> {
    return this.runRequest(scripts.replayScript, { diedBefore, force: force ? 1 : 0, tail }, request);
  }

  /**
   * Returns a letter per pair of an id and the queue to which the task moved ("" if it did not): d discarded, n not
   * dead, u unknown.
   */
  discard(
    tail: readonly string[],
    request?: Request,
    options: { discard?: string; diedBefore?: number } = {},
  ): Promise<string> {
    const { discard = "-", diedBefore = 0 } = options;
    return this.runRequest(scripts.discardScript, { diedBefore, discard, tail }, request);
  }

  /** Returns one letter per id: r if the task was restored, n if it was not discarded or another discard discarded it. */
  restore(ids: readonly string[], discard: string, request?: Request): Promise<string> {
    return this.runRequest(scripts.restoreScript, { discard, tail: ids }, request);
  }

  /**
   * Each task has seven texts. Returns a letter per task: g given up, d dead already, n not scheduled, u unknown. A
   * repeated call does no harm.
   */
  giveUp(tail: readonly string[]): Promise<string> {
    return this.run(scripts.giveUpScript, { clockMs: this.clockMs(), tail });
  }

  cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    return this.run(scripts.cancelScript, { clockMs: this.clockMs(), taskId: id });
  }

  async pause(paused: boolean, reason = "", by = ""): Promise<void> {
    await this.run(scripts.pauseScript, {
      clockMs: this.clockMs(),
      paused: paused ? 1 : 0,
      reason: encodeWord(reason),
      by: encodeWord(by),
    });
  }

  async configure(settings: Partial<QueueSettings>): Promise<QueueSettings> {
    const [
      maxWaiting,
      retentionMs,
      retentionCount,
      idempotencyMs,
      durability,
      maxDead,
      maxDeadAgeMs,
      maxEvents,
    ] = await this.run<
      scripts.ConfigureArgs,
      [number, number, number, number, Durability | "", number, number, number]
    >(scripts.configureScript, {
      clockMs: this.clockMs(),
      maxWaiting: settings.maxWaiting ?? -1,
      retentionMs: settings.retentionMs ?? -1,
      retentionCount: settings.retentionCount ?? -1,
      idempotencyMs: settings.idempotencyMs ?? -1,
      durability: settings.durability ?? "",
      maxDead: settings.maxDead ?? -1,
      maxDeadAgeMs: settings.maxDeadAgeMs ?? -1,
      maxEvents: settings.maxEvents ?? -1,
    });
    return {
      maxWaiting,
      retentionMs,
      retentionCount,
      idempotencyMs,
      durability: durability === "" ? "memory" : durability,
      maxDead,
      maxDeadAgeMs,
      maxEvents,
    };
  }

  /**
   * Counts a visit. Returns the count, which never decreases while Redis keeps its writes, and the run id of the server
   * that counted.
   */
  async epoch(): Promise<{ epoch: number; runId: string }> {
    const [epoch, runId] = await this.run<scripts.EpochArgs, [number, string]>(scripts.epochScript, {});
    return { epoch, runId };
  }

  async stats(): Promise<RawStats> {
    const [now, counters, accepted, settings, lengths, oldest, flow, dropped] = await this.run<
      scripts.StatsArgs,
      [number, number[], number[], string, number[], string[], number[], number]
    >(scripts.statsScript, { clockMs: this.clockMs() });
    return { now, counters, accepted, settings, lengths, oldest, flow, dropped };
  }

  /** At most 100 ids. */
  async get(ids: readonly string[]): Promise<RawTask[]> {
    if (ids.length === 0) return [];
    const reply = await this.run<scripts.GetArgs, string[]>(scripts.getScript, { tail: ids });
    return rawTasks(ids, reply);
  }

  async list(
    index: keyof QueueKeys,
    order: ListOrder,
    after: string,
    limit: number,
  ): Promise<{ cursor: string; length: number; ids: string[] }> {
    const [cursor, length, ...ids] = await this.run<
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
    const [removed, looked] = await this.runRequest<scripts.EmptyArgs, [number, number]>(
      scripts.emptyScript,
      { indexKey: this.keys[index], target, limit },
      request,
    );
    return { removed, looked };
  }

  /**
   * Removes all keys of an empty queue. "close" only ends its registration, so that the next enqueue looks into the
   * registry.
   * @param how "paused": the queue has to be paused. "taken_over": its settings have to be equal to `settings`
   */
  delete(how: "paused" | "close" | "taken_over" = "paused", settings = ""): Promise<DeleteOutcome> {
    return this.run<scripts.DeleteArgs, DeleteOutcome>(scripts.deleteScript, { how, settings });
  }

  async audit(repair: boolean, part = "", from = 0, limit = 500): Promise<AuditReply> {
    const [repaired, looked, ...found] = await this.run<scripts.AuditArgs, [number, number, ...string[]]>(
      scripts.auditScript,
      { repair: repair ? 1 : 0, part, from, limit },
    );
    return { repaired, looked, violations: violationsOf(found) };
  }
}

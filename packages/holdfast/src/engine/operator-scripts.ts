import { type Durability, LIMITS, type QueueSettings } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { QueueKeys } from "../redis/keys.ts";
import {
  type AuditReply,
  type DeleteOutcome,
  type ListOrder,
  type RawStats,
  type RawTask,
  rawTasks,
  violationsOf,
} from "./replies.ts";
import { type Request, TaskScripts } from "./task-scripts.ts";
import { encodeLine, encodeWord } from "./text.ts";

/** Calls the scripts of janitors and operators: one typed method per script. */
export abstract class OperatorScripts extends TaskScripts {
  /** Makes due tasks pending. @returns typed: how many tasks wait for a worker that runs their type */
  async promote(limit: number): Promise<{ promoted: number; nextInMs: number; typed: number }> {
    const [promoted, nextInMs, typed] = await this.run<scripts.PromoteArgs, [number, number, number]>(
      scripts.promoteScript,
      { clockMs: this.clockMs(), limit },
    );
    return { promoted, nextInMs, typed };
  }

  /**
   * Ends tasks that have waited too long for a worker that runs their type, unless the type is in `types`.
   * @param known which types the registered workers run, as text for the state record
   * @param after the position that the previous call returned; "" to begin
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
   * Ends pending tasks whose `expiresAt` has passed. Each call looks at every list from the position `from` on. At the
   * heads of the lists it also removes entries of tasks that are not pending.
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
   * Removes ended tasks whose retention is over.
   * @param undoMs how long a discard can be undone
   * @returns uniqueKeys: how many unique keys are held; dropped: how many dead letters were removed because the queue
   * had too many or too old ones; steps: how many removed tasks have durable steps that are still stored
   */
  async purge(
    limit: number,
    requestIdleMs: number,
    undoMs: number = LIMITS.undoMs,
  ): Promise<{
    purged: number;
    forgotten: number;
    uniqueKeys: number;
    dropped: number;
    hasFlows: boolean;
    steps: number;
  }> {
    const [purged, forgotten, uniqueKeys, dropped, hasFlows, steps] = await this.run<
      scripts.PurgeArgs,
      [number, number, number, number, number, number]
    >(scripts.purgeScript, { clockMs: this.clockMs(), limit, requestIdleMs, undoMs });
    return { purged, forgotten, uniqueKeys, dropped, hasFlows: hasFlows === 1, steps };
  }

  /**
   * Removes unique keys whose tasks no longer hold them, from one section of the hash.
   * @param cursor the cursor that the previous call returned; "0" to begin
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
   * Replays dead letters. `tail` has two texts per task: the id, and the new envelope ("" keeps the old one). Returns a
   * letter per task: r replayed, n not dead, u unknown, h another task holds its unique key. After the letters come the
   * ids of the tasks that hold these keys, each after a space.
   * @param force replays a task even if another task holds its unique key
   */
  replay(tail: readonly string[], request?: Request, diedBefore = 0, force = false): Promise<string> {
    return this.runRequest(scripts.replayScript, { diedBefore, force: force ? 1 : 0, tail }, request);
  }

  /**
   * Discards dead letters. `tail` has two texts per task: the id, and the queue to which the task was moved ("" if it
   * was not moved). Returns a letter per task: d discarded, n not dead, u unknown.
   */
  discard(
    tail: readonly string[],
    request?: Request,
    options: { discard?: string; diedBefore?: number } = {},
  ): Promise<string> {
    const { discard = "-", diedBefore = 0 } = options;
    return this.runRequest(scripts.discardScript, { diedBefore, discard, tail }, request);
  }

  /** Restores discarded tasks. Returns a letter per id: r restored, n not discarded, or discarded by another call. */
  restore(ids: readonly string[], discard: string, request?: Request): Promise<string> {
    return this.runRequest(scripts.restoreScript, { discard, tail: ids }, request);
  }

  /**
   * Makes dead letters of scheduled tasks that died in another system. Each task has seven arguments
   * (lua/transitions/give_up.lua). Returns a letter per task: g given up, d dead already, n not scheduled, u unknown.
   * The call can be repeated.
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

  /** Adds 1 to a counter. If a later call returns a smaller number, Redis has lost writes. */
  async epoch(): Promise<{ epoch: number; runId: string }> {
    const [epoch, runId] = await this.run<scripts.EpochArgs, [number, string]>(scripts.epochScript, {});
    return { epoch, runId };
  }

  async stats(): Promise<RawStats> {
    const [now, counters, accepted, settings, lengths, oldest, flow, dropped, flows, oldestFlow, suspended] =
      await this.run<
        scripts.StatsArgs,
        [number, number[], number[], string, number[], string[], number[], number, string, number, number]
      >(scripts.statsScript, { clockMs: this.clockMs() });
    return {
      now,
      counters,
      accepted,
      settings,
      lengths,
      oldest,
      flow,
      dropped,
      flows,
      oldestFlow,
      suspended,
    };
  }

  /** Reads at most 100 tasks. */
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
   * Deletes an empty queue with all its Redis keys. With "close" the queue is only taken out of the registry, so that
   * the next enqueue registers it again.
   * @param how "paused": only if the queue is paused. "taken_over": only if its settings are equal to `settings`
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

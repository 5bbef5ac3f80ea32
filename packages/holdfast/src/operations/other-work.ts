import type { ClaimedOperation } from "../engine/operation-store.ts";
import type { ListOrder } from "../engine/replies.ts";
import type { NewTask } from "../engine/task-options.ts";
import { EMPTY_TASKS, type EmptiedState, INDEXES } from "../observer/emptied.ts";
import type { Parts } from "../partitions/parts.ts";
import type { EnqueueResult } from "../queue/receipt.ts";
import type { Work } from "./work.ts";

function orderOf(state: string): ListOrder {
  if (state === "pending") return "waiting";
  return state === "dead" || state === "scheduled" ? "first" : "ended";
}

/**
 * Empties states. Removes from each index at most as many tasks as it had at first, so that the operation ends even if
 * tasks are added all the time.
 */
export function emptyWork(operation: ClaimedOperation, parts: Parts): Work {
  const indexes = (operation.spec.states ?? []).flatMap((state) =>
    INDEXES[state as EmptiedState].map((index) => ({ state, index })),
  );
  const places = parts.all.flatMap((part) => indexes.map((index) => ({ ...part, ...index })));
  return {
    first: { part: 0, after: "" },
    async next({ part, after }, size) {
      const place = places[part];
      if (!place) return { batch: null, next: null };
      const left =
        after === ""
          ? (await place.engine.list(place.index, orderOf(place.state), "", 1)).length
          : Number(after);
      const count = Math.min(left, size, EMPTY_TASKS);
      const next = left - count > 0 ? { part, after: String(left - count) } : { part: part + 1, after: "" };
      return {
        batch: count > 0 ? { part, ids: [], count } : null,
        next: next.part < places.length ? next : null,
      };
    },
    async move({ part, count = 1 }, request) {
      const { engine, index, state } = places[part] as (typeof places)[number];
      const { removed } = await engine.empty(index, state, count, request);
      return { done: removed, counts: { removed }, failures: [], taskIds: [] };
    },
  };
}

/** The methods of a queue that a burst needs. */
export interface BurstProducer {
  enqueueMany(tasks: readonly NewTask[]): Promise<EnqueueResult[]>;
}

/**
 * Enqueues the test tasks of a burst. Their ids are the id of the operation and a number, so that a repeated batch is
 * accepted only once.
 */
export function burstWork(operation: ClaimedOperation, producer: BurstProducer): Work {
  const { tasks, failRate, type } = operation.spec.burst ?? { tasks: 0, failRate: 0, type: "demo.echo" };
  return {
    first: { part: 0, after: "" },
    async next({ after }, size) {
      const from = Number(after || 0);
      const count = Math.min(size, tasks - from);
      const next = from + count < tasks ? { part: 0, after: String(from + count) } : null;
      return { batch: count > 0 ? { part: from, ids: [], count } : null, next };
    },
    async move({ part: from, count = 0 }) {
      const chunk: NewTask[] = Array.from({ length: count }, (_, index) => ({
        type,
        payload: { n: from + index, failRate },
        id: `${operation.id}.${from + index}`,
      }));
      const results = await producer.enqueueMany(chunk);
      const refusal = results.find((item) => !item.ok);
      if (!refusal || refusal.ok)
        return { done: count, counts: { enqueued: count }, failures: [], taskIds: [] };
      // The batch may or may not have been accepted, so it is sent again with the same ids.
      if (["outcome_unknown", "redis_unavailable", "redis_refused"].includes(refusal.error.code))
        throw refusal.error;
      const enqueued = results.filter(({ ok }) => ok).length;
      return { done: enqueued, counts: { enqueued }, failures: [], taskIds: [], stop: refusal.error };
    },
  };
}

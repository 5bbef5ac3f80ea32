import { HoldfastError } from "@holdfast/contracts";
import type { ClaimedOperation } from "../engine/operation-store.ts";
import type { Request } from "../engine/task-scripts.ts";
import { discardDead, type ReplayResult, replayHere, replayInto } from "../observer/dead-letters.ts";
import type { Parts } from "../partitions/parts.ts";
import { engineAt, placeOf, scoreOf, walkOf } from "./walk.ts";
import type { Batch, Failure, Moved, Work } from "./work.ts";

const NOT_MOVED: Record<string, string> = {
  not_dead: "the task is not a dead letter, or it died after the operation began",
  not_found: "there is no such task",
  unique_conflict: "another task holds its unique key",
};

function failuresOf(results: readonly { id: string; outcome: string; heldBy?: string }[]): Failure[] {
  return results.flatMap(({ id, outcome, heldBy }) => {
    const detail = NOT_MOVED[outcome];
    return detail === undefined
      ? []
      : [{ id, code: outcome, detail: heldBy ? `${detail}: ${heldBy}` : detail }];
  });
}

export function replayWork(operation: ClaimedOperation, parts: Parts, target: Parts | null): Work {
  const { payloadText, force } = operation.spec;
  const move = async ({ part, ids }: Batch, request: Request): Promise<Moved> => {
    const engine = engineAt(parts, part);
    const options = { request, diedBefore: operation.startedAt, payloadText, force };
    const results: ReplayResult[] = target
      ? await replayInto(engine, target, ids, options)
      : await replayHere(engine, ids, options);
    const moved = results.filter(({ outcome }) => outcome === "replayed" || outcome === "moved");
    return {
      done: results.length,
      counts: { replayed: moved.length, skipped: results.length - moved.length },
      failures: failuresOf(results),
      taskIds: moved.map(({ id, newId }) => newId ?? id),
    };
  };
  const targetOf = (id: string) => engineAt(target ?? parts, placeOf(target ?? parts, id));
  return { ...walkOf(operation, parts, "dead"), move, targetOf };
}

export function discardWork(operation: ClaimedOperation, parts: Parts): Work {
  const move = async ({ part, ids }: Batch, request: Request): Promise<Moved> => {
    const engine = engineAt(parts, part);
    const how = { request, discard: operation.id, diedBefore: operation.startedAt };
    const results = await discardDead(engine, ids, how);
    const discarded = results.filter(({ outcome }) => outcome === "discarded").length;
    return {
      done: ids.length,
      counts: { discarded, skipped: ids.length - discarded },
      failures: failuresOf(results),
      taskIds: [],
    };
  };
  return { ...walkOf(operation, parts, "dead"), move };
}

/** Restores the tasks that one discard has taken. Tasks of other discards are skipped. */
export function restoreWork(operation: ClaimedOperation, parts: Parts): Work {
  const { undoes } = operation.spec;
  if (!undoes) throw new HoldfastError("internal", `operation ${operation.id} undoes nothing`);
  return {
    first: { part: 0, after: "" },
    async next({ part, after }, size) {
      const engine = engineAt(parts, part);
      const page = await engine.list("discarded", "first", after || `${undoes.from - 1}:`, size);
      const isOver = page.cursor === "" || scoreOf(page.cursor) > undoes.to;
      const place = isOver ? { part: part + 1, after: "" } : { part, after: page.cursor };
      return {
        batch: page.ids.length > 0 ? { part, ids: page.ids } : null,
        next: place.part < parts.all.length ? place : null,
      };
    },
    async move({ part, ids }, request) {
      const letters = await engineAt(parts, part).restore(ids, undoes.id, request);
      const restored = Array.from(letters).filter((letter) => letter === "r").length;
      return { done: restored, counts: { restored }, failures: [], taskIds: [] };
    },
  };
}

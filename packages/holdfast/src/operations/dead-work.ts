import { HoldfastError, type TaskView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import type { ClaimedOperation } from "../engine/operation-store.ts";
import type { Request } from "../engine/requests.ts";
import { taskView } from "../engine/task-view.ts";
import { discardDead, type ReplayResult, replayHere, replayInto } from "../observer/dead-letters.ts";
import { bulkMatcherOf, type DeadLetterFilter } from "../observer/filter.ts";
import type { Parts } from "../partitions/parts.ts";
import type { Batch, Failure, Moved, Place, Work } from "./work.ts";

// `get` takes at most this many ids at a time.
const READ = 100;

const engineAt = (parts: Parts, place: number) => (parts.all[place] as Parts["all"][number]).engine;

/** An id can name a partition that does not exist. It is then looked up in the first part, where it is not found. */
const placeOf = (parts: Parts, id: string) => Math.max(0, parts.placeOf(id));

const isEverything = (filter: DeadLetterFilter) => Object.keys(filter).length === 0;

const scoreOf = (cursor: string) => Number(cursor.slice(0, cursor.indexOf(":")));

async function readDead(engine: Engine, ids: readonly string[]): Promise<TaskView[]> {
  const tasks: TaskView[] = [];
  for (let at = 0; at < ids.length; at += READ) {
    for (const raw of await engine.get(ids.slice(at, at + READ))) {
      const task = taskView(engine.queue, raw);
      if (task?.state === "dead") tasks.push(task);
    }
  }
  return tasks;
}

/** Reads the next dead letters that existed at `until`, oldest first. */
async function stretch(
  engine: Engine,
  after: string,
  size: number,
  options: { filter: DeadLetterFilter; until: number },
): Promise<{ ids: string[]; after: string | null }> {
  const { filter, until } = options;
  // The filter is checked here and not earlier, because an operation that a newer version started may have a field that
  // is unknown here. Such an operation has to end as failed.
  const matches = bulkMatcherOf(filter);
  const all = isEverything(filter);
  const start = after === "" && filter.from !== undefined ? `${Math.ceil(filter.from) - 1}:` : after;
  const page = await engine.list("deadLetters", "first", start, all ? size : Math.min(size, READ));
  const isOver = page.cursor === "" || scoreOf(page.cursor) > until;
  const next = isOver || (filter.to !== undefined && scoreOf(page.cursor) >= filter.to) ? null : page.cursor;
  // If all dead letters are selected and all of these died before `until`, they need not be read.
  if (all && !isOver) return { ids: page.ids, after: next };
  const tasks = await readDead(engine, page.ids);
  const meant = tasks.filter((task) => (task.endedAt ?? 0) <= until && matches(task));
  return { ids: meant.map(({ id }) => id), after: next };
}

/** Walks the dead letters of a selection, in the same way for replay and discard. */
function walkOf(operation: ClaimedOperation, parts: Parts): Pick<Work, "first" | "next" | "count"> {
  const { selection } = operation.spec;
  const first: Place = { part: 0, after: "" };
  if (selection && "ids" in selection) {
    const byPart = parts.all.map((_, place) => selection.ids.filter((id) => placeOf(parts, id) === place));
    return {
      first,
      async next({ part, after }, size) {
        const own = byPart[part] ?? [];
        const from = Number(after || 0);
        const ids = own.slice(from, from + size);
        const isOver = from + size >= own.length;
        const next = isOver ? { part: part + 1, after: "" } : { part, after: String(from + size) };
        return {
          batch: ids.length > 0 ? { part, ids } : null,
          next: next.part < parts.all.length ? next : null,
        };
      },
    };
  }
  const options = { filter: (selection?.filter ?? {}) as DeadLetterFilter, until: operation.startedAt };
  const next: Work["next"] = async ({ part, after }, size) => {
    const found = await stretch(engineAt(parts, part), after, size, options);
    const place = found.after === null ? { part: part + 1, after: "" } : { part, after: found.after };
    return {
      batch: found.ids.length > 0 ? { part, ids: found.ids } : null,
      next: place.part < parts.all.length ? place : null,
    };
  };
  if (isEverything(options.filter)) return { first, next };
  return {
    first,
    next,
    async count(signal, found) {
      let count = 0;
      for (let place: Place | null = first; place && !signal.aborted; ) {
        const step = await next(place, READ);
        count += step.batch?.ids.length ?? 0;
        await found(count);
        place = step.next;
      }
      return count;
    },
  };
}

const NOT_MOVED: Record<string, string> = {
  not_dead: "it is not a dead letter, or died after the operation began",
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
  return { ...walkOf(operation, parts), move, targetOf };
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
  return { ...walkOf(operation, parts), move };
}

/** Walks the tasks that were discarded while the discard ran. Tasks of other discards are skipped. */
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

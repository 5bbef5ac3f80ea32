import type { Engine } from "../engine/engine.ts";
import type { ClaimedOperation } from "../engine/operation-store.ts";
import { bulkFilterOf, type TaskFilter } from "../observer/filter.ts";
import { readTasks } from "../observer/task-list.ts";
import type { Parts } from "../partitions/parts.ts";
import type { Place, Work } from "./work.ts";

// `get` takes at most this many ids.
const READ = 100;

export const engineAt = (parts: Parts, place: number) => (parts.all[place] as Parts["all"][number]).engine;

/** An id may name a partition that does not exist. It is then looked up in the first one, which does not have it. */
export const placeOf = (parts: Parts, id: string) => Math.max(0, parts.placeOf(id));

export const scoreOf = (cursor: string) => Number(cursor.slice(0, cursor.indexOf(":")));

/** The states whose tasks an operation can select. */
export type WalkedState = "dead" | "scheduled";
const INDEXES = { dead: "deadLetters", scheduled: "scheduled" } as const;

/** Reads the next tasks in a state, in the order of time. Dead letters that died after `until` are left out. */
async function stretch(
  engine: Engine,
  after: string,
  size: number,
  options: { queue: string; state: WalkedState; filter: TaskFilter; until: number },
): Promise<{ ids: string[]; after: string | null }> {
  const { queue, state, until } = options;
  // The filter is checked only here, because an operation of a newer version may have unknown fields. It then fails.
  // Durations are counted from the start of the operation, so that they select the same tasks however long it runs.
  const filter = bulkFilterOf(options.filter, until);
  const { from, to } = filter.spanOf(state);
  const all = filter.isEverything;
  const start = after === "" && from !== undefined ? `${Math.ceil(from) - 1}:` : after;
  const page = await engine.list(INDEXES[state], "first", start, all ? size : Math.min(size, READ));
  const isOver = page.cursor === "" || (state === "dead" && scoreOf(page.cursor) > until);
  const next = isOver || (to !== undefined && scoreOf(page.cursor) >= to) ? null : page.cursor;
  // If the filter selects all tasks and none of this page died after `until`, the tasks need not be read. For scheduled
  // tasks, the script itself skips those that were scheduled later.
  if (all && (!isOver || state === "scheduled")) return { ids: page.ids, after: next };
  const tasks = await readTasks(queue, engine, page.ids);
  const meant = tasks.filter(
    (task) => task.state === state && (task.endedAt ?? 0) <= until && filter.matches(task),
  );
  return { ids: meant.map(({ id }) => id), after: next };
}

/** Goes through the selected tasks: those with the given ids, or all matching tasks in a state. */
export function walkOf(
  operation: ClaimedOperation,
  parts: Parts,
  state: WalkedState,
): Pick<Work, "first" | "next" | "count"> {
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
  const filter = (selection?.filter ?? {}) as TaskFilter;
  const options = { queue: parts.queue, state, filter, until: operation.startedAt };
  const next: Work["next"] = async ({ part, after }, size) => {
    const found = await stretch(engineAt(parts, part), after, size, options);
    const place = found.after === null ? { part: part + 1, after: "" } : { part, after: found.after };
    return {
      batch: found.ids.length > 0 ? { part, ids: found.ids } : null,
      next: place.part < parts.all.length ? place : null,
    };
  };
  if (Object.keys(filter).length === 0) return { first, next };
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

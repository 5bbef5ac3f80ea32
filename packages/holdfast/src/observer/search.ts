import { LISTED_STATES, type ListedState } from "@holdfast/contracts";
import type { Parts } from "../partitions/parts.ts";
import { CompiledFilter, type TaskFilter } from "./filter.ts";
import { queueStats } from "./queue-stats.ts";
import {
  checkLimit,
  invalidCursor,
  listTasks,
  nowOf,
  readTasks,
  SCANNED,
  type TaskPage,
} from "./task-list.ts";

/** Options of a search in all states. */
export interface SearchOptions extends TaskFilter {
  /** The `cursor` of the previous page. */
  cursor?: string;
  /** How many tasks a page has, 1 to 100. @default 50 */
  limit?: number;
  /** Aborting this signal ends the search after the present read. */
  signal?: AbortSignal;
}

/** A list to search: the tasks of one state in one queue. */
interface Place {
  parts: Parts;
  state: ListedState;
  total: number;
}

/**
 * Searches several queues, in alphabetical order, in all states in which a task can match. `total` is the number of
 * tasks in all lists that are searched.
 */
export async function searchTasks(queues: readonly Parts[], options: SearchOptions): Promise<TaskPage> {
  const { cursor, limit = 50, signal, ...rest } = options;
  checkLimit(limit);
  const now = queues[0] ? nowOf(queues[0]) : 0;
  const filter = new CompiledFilter(rest, now);
  const admitted = queues.filter(({ queue }) => filter.admitsQueue(queue));
  if (filter.ids) return lookUp(admitted, filter, filter.ids);
  const places = await placesOf(admitted, filter.states);
  const page: TaskPage = {
    ...{ tasks: [], cursor: null, scanned: 0 },
    total: places.reduce((sum, { total }) => sum + total, 0),
  };
  let [at, inner] = cursor === undefined ? [0, ""] : placeOfCursor(cursor, places);
  for (; at < places.length; at++, inner = "") {
    const { parts, state, total } = places[at] as Place;
    if (page.tasks.length >= limit || page.scanned >= SCANNED)
      return { ...page, cursor: `${parts.queue}~${state}~${inner}` };
    if (total === 0) continue;
    signal?.throwIfAborted();
    const found = await listTasks(parts, {
      ...rest,
      state,
      limit: limit - page.tasks.length,
      ...(inner === "" ? {} : { cursor: inner }),
      ...(signal === undefined ? {} : { signal }),
    });
    page.tasks.push(...found.tasks);
    page.scanned += found.scanned;
    if (found.cursor !== null) return { ...page, cursor: `${parts.queue}~${state}~${found.cursor}` };
  }
  return page;
}

async function placesOf(queues: readonly Parts[], states: readonly ListedState[]): Promise<Place[]> {
  const ordered = [...queues].sort((a, b) => compare(a.queue, b.queue));
  const counted = ordered.map(async (parts) => {
    const stats = await Promise.all(
      parts.all.map(async ({ name, engine }) => queueStats(name, await engine.stats())),
    );
    return states.map((state) => ({
      parts,
      state,
      total: stats.reduce((sum, part) => sum + part[state], 0),
    }));
  });
  return (await Promise.all(counted)).flat();
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Returns the list at which a search continues. If the queue of the cursor was deleted, this is the next queue. */
function placeOfCursor(cursor: string, places: readonly Place[]): [at: number, inner: string] {
  const [, queue = "", state = "", inner = ""] = /^([\w.-]{1,64})~([a-z]+)~([\w~-]*)$/.exec(cursor) ?? [];
  const rank = LISTED_STATES.indexOf(state as ListedState);
  if (rank < 0) throw invalidCursor();
  const at = places.findIndex((place) => {
    const order = compare(place.parts.queue, queue);
    return order > 0 || (order === 0 && LISTED_STATES.indexOf(place.state) >= rank);
  });
  const place = places[at];
  if (!place) return [places.length, ""];
  return [at, place.parts.queue === queue && place.state === state ? inner : ""];
}

/** Returns the tasks with these ids, whatever their state is. */
async function lookUp(
  queues: readonly Parts[],
  filter: CompiledFilter,
  ids: readonly string[],
): Promise<TaskPage> {
  const read = queues.flatMap((parts) =>
    parts.all.map(({ engine }) => {
      const own = ids.filter((id) => parts.allOfId(id).some((part) => part.engine === engine));
      return readTasks(parts.queue, engine, own);
    }),
  );
  const tasks = (await Promise.all(read)).flat();
  return { tasks: tasks.filter(filter.matches), cursor: null, scanned: tasks.length, total: tasks.length };
}

/** The list from which the user opened a task. */
export interface SeenList {
  /** The title of the list, such as `Dead letters of emails`. */
  name: string;
  /** The address of the list, with its filters. */
  href: string;
  /** The rows in their order, each as `<queue>/<id>`. Queue names have no slash, so this is unambiguous. */
  rows: string[];
}

export const rowOf = (queue: string, id: string): string => `${queue}/${id}`;

const STORED = "holdfast.list";
/** The most rows that are stored, because the storage of a browser is small. */
const MOST_ROWS = 5_000;

/**
 * Stores a list until the tab is closed, even if the page is reloaded. The list is not part of the address of a task,
 * so that a link to a task is short and the same for everybody.
 */
export function rememberList(list: SeenList): void {
  try {
    sessionStorage.setItem(STORED, JSON.stringify({ ...list, rows: list.rows.slice(0, MOST_ROWS) }));
  } catch {
    // If storage is blocked, the page of a task has no links to its neighbours.
  }
}

function seenList(): SeenList | null {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "null") as SeenList | null;
  } catch {
    return null;
  }
}

export interface Neighbours {
  list: SeenList;
  /** The place of the task in the list, beginning with 1. */
  place: number;
  before: { queue: string; id: string } | null;
  after: { queue: string; id: string } | null;
}

/** Returns the neighbours of a task in the last list that the user has seen; null if the task is not in that list. */
export function neighboursOf(queue: string, id: string): Neighbours | null {
  const list = seenList();
  const at = list?.rows.indexOf(rowOf(queue, id)) ?? -1;
  if (list === null || at === -1) return null;
  return { list, place: at + 1, before: taskOf(list.rows[at - 1]), after: taskOf(list.rows[at + 1]) };
}

function taskOf(row: string | undefined): { queue: string; id: string } | null {
  if (row === undefined) return null;
  const slash = row.indexOf("/");
  return { queue: row.slice(0, slash), id: row.slice(slash + 1) };
}

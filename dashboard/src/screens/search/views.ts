import { readPreference, writePreference } from "../../preferences.ts";

/** A list, with its filters, that the user gave a name. */
export interface SavedView {
  name: string;
  /** The path and the query string of its address. */
  href: string;
}

const MOST = 50;

/** Reads the views that are stored in this browser. Invalid entries are left out. */
export function readViews(): SavedView[] {
  try {
    const kept = JSON.parse(readPreference("views") ?? "[]") as unknown;
    return Array.isArray(kept) ? kept.filter(isView).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export const writeViews = (views: readonly SavedView[]) => writePreference("views", JSON.stringify(views));

function isView(value: unknown): value is SavedView {
  const { name, href } = (value ?? {}) as Partial<SavedView>;
  return typeof name === "string" && name !== "" && typeof href === "string" && /^\/(?!\/)/.test(href);
}

/** Adds a view, or replaces the one with the same name. */
export const withView = (views: readonly SavedView[], view: SavedView): SavedView[] =>
  [view, ...views.filter(({ name }) => name !== view.name)].slice(0, MOST);

/** Gives a view another name. If another view has that name already, it is replaced. */
export const renamed = (views: readonly SavedView[], from: string, to: string): SavedView[] =>
  views
    .filter(({ name }) => name !== to || name === from)
    .map((view) => (view.name === from ? { ...view, name: to } : view));

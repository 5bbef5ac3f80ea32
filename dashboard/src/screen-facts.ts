import {
  auditSearch,
  deadLettersSearch,
  loadSearch,
  operationsSearch,
  overviewSearch,
  queueSearch,
  schedulesSearch,
  tasksSearch,
} from "./search.ts";

/** The facts about a screen that the frame needs before the screen is loaded. */
export interface ScreenFacts {
  title(params: Record<string, string>): string;
  /** Parses the address. Fields that the screen does not understand are missing in the result and not applied. */
  search(raw: Record<string, unknown>): object;
  /** The search of this screen narrows a list, so the list must not be shown without it. */
  narrows?: boolean;
}

const nothing = () => ({});

/** By the full path of the route. The router takes `search` from here, so that both parse an address alike. */
export const SCREENS = {
  "/": { title: () => "Overview", search: overviewSearch },
  "/load": { title: () => "Load", search: loadSearch },
  "/workers": { title: () => "Workers", search: nothing },
  "/operations": { title: () => "Operations", search: operationsSearch },
  "/schedules": { title: () => "Schedules", search: schedulesSearch, narrows: true },
  "/audit": { title: () => "Audit", search: auditSearch, narrows: true },
  "/queues/$queue/": { title: ({ queue = "" }) => queue, search: queueSearch },
  "/queues/$queue/tasks": {
    title: ({ queue = "" }) => `Tasks of ${queue}`,
    search: tasksSearch,
    narrows: true,
  },
  "/queues/$queue/dead-letters": {
    title: ({ queue = "" }) => `Dead letters of ${queue}`,
    search: deadLettersSearch,
    narrows: true,
  },
  "/queues/$queue/tasks/$id": {
    title: ({ queue = "", id = "" }) => `Task ${id} of ${queue}`,
    search: nothing,
  },
} satisfies Record<string, ScreenFacts>;

const NOT_FOUND: ScreenFacts = { title: () => "Not found", search: (raw) => raw };

export const screenFacts = (fullPath: string): ScreenFacts =>
  (SCREENS as Record<string, ScreenFacts>)[fullPath] ?? NOT_FOUND;

/** Fields of the address that a screen does not understand, as they are written. An empty field has no effect. */
export function unknownIn(raw: Record<string, unknown>, { search }: ScreenFacts): string[] {
  const known = search(raw) as Record<string, unknown>;
  return Object.entries(raw)
    .filter(([name, value]) => value !== "" && String(known[name] ?? "") !== String(value))
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
}

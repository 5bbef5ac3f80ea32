import {
  auditSearch,
  deadLettersSearch,
  errorsSearch,
  eventsSearch,
  limitsSearch,
  loadSearch,
  operationsSearch,
  overviewSearch,
  queueSearch,
  schedulesSearch,
  tasksSearch,
} from "./search.ts";

/** Facts about a screen that are needed before the code of the screen is loaded. */
export interface ScreenFacts {
  title(params: Record<string, string>): string;
  /** Parses the search part of the address. Fields that the screen does not understand are left out. */
  search(raw: Record<string, unknown>): object;
  /**
   * Whether the address filters a list. If such an address has a field that is not understood, the list is not shown,
   * because it would show too much.
   */
  narrows?: boolean;
}

const nothing = () => ({});

/**
 * The screens by the full path of their routes. The router uses the same `search`, so both parse an address in the same
 * way.
 */
export const SCREENS = {
  "/": { title: () => "Overview", search: overviewSearch },
  "/load": { title: () => "Load", search: loadSearch },
  "/errors": { title: () => "Errors", search: errorsSearch, narrows: true },
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
  "/queues/$queue/limits": {
    title: ({ queue = "" }) => `Limits of ${queue}`,
    search: limitsSearch,
    narrows: true,
  },
  "/queues/$queue/events": {
    title: ({ queue = "" }) => `Events of ${queue}`,
    search: eventsSearch,
    narrows: true,
  },
  "/queues/$queue/flows": {
    title: ({ queue = "" }) => `Flows of ${queue}`,
    search: nothing,
  },
  "/queues/$queue/flows/$id": {
    title: ({ queue = "", id = "" }) => `Flow ${id} of ${queue}`,
    search: nothing,
  },
  "/queues/$queue/tasks/$id": {
    title: ({ queue = "", id = "" }) => `Task ${id} of ${queue}`,
    search: nothing,
  },
} satisfies Record<string, ScreenFacts>;

const NOT_FOUND: ScreenFacts = { title: () => "Not found", search: (raw) => raw };

export const screenFacts = (fullPath: string): ScreenFacts =>
  (SCREENS as Record<string, ScreenFacts>)[fullPath] ?? NOT_FOUND;

/** Returns the fields of the address that the screen does not understand. Empty fields are left out. */
export function unknownIn(raw: Record<string, unknown>, { search }: ScreenFacts): string[] {
  const known = search(raw) as Record<string, unknown>;
  return Object.entries(raw)
    .filter(([name, value]) => value !== "" && String(known[name] ?? "") !== String(value))
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
}

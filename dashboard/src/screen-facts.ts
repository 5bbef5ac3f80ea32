import { t } from "@lingui/core/macro";
import {
  allTasksSearch,
  auditSearch,
  deadLettersSearch,
  errorsSearch,
  eventsSearch,
  limitsSearch,
  loadSearch,
  oldFields,
  operationsSearch,
  overviewSearch,
  queueSearch,
  schedulesSearch,
  tasksSearch,
} from "./search.ts";

/** The properties of a screen that are needed before the code of the screen is loaded. */
export interface ScreenFacts {
  title(params: Record<string, string>): string;
  /** Parses the search part of the address. Fields that the screen does not understand are left out. */
  search(raw: Record<string, unknown>): object;
  /**
   * Whether the address filters a list. If such an address has an unknown field, the list is not shown, because it
   * would contain more tasks than the user asked for.
   */
  narrows?: boolean;
  /** Whether the screen is about all queues. Then its title shows the problems of all of them. */
  allQueues?: boolean;
  /** Returns the fields that older addresses had, which `search` turns into other fields. */
  renamed?(raw: Record<string, unknown>): object;
}

const nothing = () => ({});

/**
 * The screens: full path of the route -> properties. The router uses the same `search`, so both parse an address in
 * the same way.
 */
export const SCREENS = {
  "/": { title: () => t`Overview`, search: overviewSearch, allQueues: true },
  "/load": { title: () => t`Load`, search: loadSearch },
  "/errors": { title: () => t`Errors`, search: errorsSearch, narrows: true, allQueues: true },
  "/alerts": { title: () => t`Alerts`, search: nothing },
  "/tasks": { title: () => t`All tasks`, search: allTasksSearch, narrows: true },
  "/workers": { title: () => t`Workers`, search: nothing },
  "/operations": { title: () => t`Operations`, search: operationsSearch },
  "/schedules": { title: () => t`Schedules`, search: schedulesSearch, narrows: true },
  "/audit": { title: () => t`Audit`, search: auditSearch, narrows: true },
  "/queues/$queue/": { title: ({ queue = "" }) => queue, search: queueSearch },
  "/queues/$queue/tasks": {
    title: ({ queue = "" }) => t`Tasks of ${queue}`,
    search: tasksSearch,
    narrows: true,
    renamed: oldFields,
  },
  "/queues/$queue/dead-letters": {
    title: ({ queue = "" }) => t`Dead letters of ${queue}`,
    search: deadLettersSearch,
    narrows: true,
    renamed: oldFields,
  },
  "/queues/$queue/limits": {
    title: ({ queue = "" }) => t`Limits of ${queue}`,
    search: limitsSearch,
    narrows: true,
  },
  "/queues/$queue/events": {
    title: ({ queue = "" }) => t`Events of ${queue}`,
    search: eventsSearch,
    narrows: true,
  },
  "/queues/$queue/flows": {
    title: ({ queue = "" }) => t`Flows of ${queue}`,
    search: nothing,
  },
  "/queues/$queue/flows/$id": {
    title: ({ queue = "", id = "" }) => t`Flow ${id} of ${queue}`,
    search: nothing,
  },
  "/queues/$queue/tasks/$id": {
    title: ({ queue = "", id = "" }) => t`Task ${id} of ${queue}`,
    search: nothing,
  },
} satisfies Record<string, ScreenFacts>;

const NOT_FOUND: ScreenFacts = { title: () => t`Not found`, search: (raw) => raw };

export const screenFacts = (fullPath: string): ScreenFacts =>
  (SCREENS as Record<string, ScreenFacts>)[fullPath] ?? NOT_FOUND;

/** Returns the fields of the address that the screen does not understand. Empty fields are left out. */
export function unknownIn(raw: Record<string, unknown>, { search, renamed }: ScreenFacts): string[] {
  const known = search(raw) as Record<string, unknown>;
  const old = renamed?.(raw) ?? {};
  const isKnown = (name: string, value: unknown) =>
    // The clauses of older fields are added to the query, so the query may begin with the value and continue with
    // them.
    name in old ||
    (name === "query"
      ? String(known.query ?? "").startsWith(String(value))
      : String(known[name] ?? "") === String(value));
  return Object.entries(raw)
    .filter(([name, value]) => value !== "" && !isKnown(name, value))
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
}

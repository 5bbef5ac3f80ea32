import type { Handlers } from "../worker/handler.ts";
import { HandlerTable } from "../worker/handler-table.ts";
import type { RemoteTerms } from "./remote-worker.ts";

/** What a remote worker runs, in the form in which calls send it. */
export interface Routes {
  /** The types, each after a space, for a call that sends them. */
  text: string;
  /** The retries and time-outs of single types, for every call. */
  ownTerms: string;
  runs(type: string): boolean;
  /** The time-out of tasks of this type that do not set one, ms. */
  timeoutMs(type: string): number | undefined;
}

const MOST_KEPT = 1_000;
const kept = new Map<string, Routes>();
const nothing = () => undefined;

/** @throws HoldfastError invalid_task_type */
export function routesOf(types: readonly string[], terms: RemoteTerms["terms"] = {}): Routes {
  // A worker asks for the same types each time.
  const key = JSON.stringify([types, terms]);
  const known = kept.get(key);
  if (known) return known;
  const handlers: Handlers = Object.fromEntries(
    types.map((type) => [type, { handler: nothing, ...terms[type] }]),
  );
  const table = new HandlerTable(handlers);
  const routes: Routes = {
    text: table.tell(0).text,
    ownTerms: table.ownTerms,
    runs: (type) => table.find(type) !== undefined,
    timeoutMs: (type) => table.find(type)?.timeoutMs,
  };
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, routes);
  return routes;
}

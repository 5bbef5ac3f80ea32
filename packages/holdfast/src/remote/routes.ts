import type { Handlers } from "../worker/handler.ts";
import { HandlerTable } from "../worker/handler-table.ts";
import type { RemoteTerms } from "./remote-worker.ts";

/** The task types of a remote worker, as calls send them to Redis. */
export interface Routes {
  /** The types, each after a space, for calls that have to name them. */
  text: string;
  /** Retries and time-outs by type, for every call. */
  ownTerms: string;
  runs(type: string): boolean;
  /** Returns the time-out of tasks of this type that do not set one, ms. */
  timeoutMs(type: string): number | undefined;
}

const MOST_KEPT = 1_000;
const kept = new Map<string, Routes>();
const nothing = () => undefined;

/** @throws HoldfastError invalid_task_type */
export function routesOf(types: readonly string[], terms: RemoteTerms["terms"] = {}): Routes {
  // A cache, because a worker sends the same types with each request.
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

import { fileURLToPath } from "node:url";
import { type Handlers, isolated } from "holdfast";
import type { Config } from "../config.ts";
import { handlers as demoHandlers } from "./demo.ts";
import { handlerFiles, loadHandlers, refuse } from "./load.ts";

export interface ProvidedHandlers {
  handlers: Handlers;
  /** How many tasks can run at the same time. */
  concurrency: number;
  /** Ends the child processes of the handlers after the worker has stopped. */
  close(): Promise<void>;
}

const DEMO_FILE = fileURLToPath(new URL("./demo.js", import.meta.url));

/** Returns the handlers that HANDLERS names, which run in this process or in child processes. @throws StartupError */
export async function provideHandlers(
  config: Pick<
    Config,
    "HANDLERS" | "HANDLER_ISOLATION" | "HANDLER_PROCESSES" | "HANDLER_MEMORY_MB" | "WORKER_CONCURRENCY"
  >,
): Promise<ProvidedHandlers> {
  const { HANDLERS, WORKER_CONCURRENCY } = config;
  if (config.HANDLER_ISOLATION === "none") {
    const handlers = HANDLERS === undefined ? demoHandlers : await loadHandlers(HANDLERS);
    return { handlers, concurrency: WORKER_CONCURRENCY, close: async () => {} };
  }
  // A task that waits for a free child process would hold its lease for nothing. So the worker takes at most as many
  // tasks as there are processes.
  const concurrency = Math.min(WORKER_CONCURRENCY, config.HANDLER_PROCESSES);
  const files = HANDLERS === undefined ? [DEMO_FILE] : await handlerFiles(HANDLERS);
  const pool = await isolated(files, { processes: concurrency, memoryMb: config.HANDLER_MEMORY_MB }).catch(
    refuse,
  );
  return { handlers: pool.handlers, concurrency, close: () => pool.close() };
}

import type { HoldfastError } from "@holdfast/contracts";
import type { Engine, Verdict } from "../engine/engine.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { HandlerTable } from "./handler-table.ts";
import type { MiddlewareChain } from "./middleware.ts";

/** What all attempts of one queue or partition have in common. */
export interface RunContext<Task> {
  /** The engine of the queue or partition that the task is in. It calls the scripts. */
  engine: Engine;
  queue: string;
  handlers: HandlerTable;
  middleware: MiddlewareChain;
  workerId: string;
  /** The option `version` of the worker. */
  version: string;
  tracing?: Tracing | undefined;
  /** Called once, when the attempt has a verdict. */
  done(task: Task, verdict: Verdict, error?: unknown): void;
  onError(error: HoldfastError): void;
}

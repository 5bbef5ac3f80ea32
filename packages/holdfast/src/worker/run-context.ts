import type { HoldfastError } from "@holdfast/contracts";
import type { Engine, Verdict } from "../engine/engine.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { HandlerTable } from "./handler-table.ts";
import type { MiddlewareChain } from "./middleware.ts";

/** What the attempts in one part of a queue share. */
export interface RunContext<Task> {
  /** The engine of the part in which the task is. */
  engine: Engine;
  /** The name of the queue. */
  queue: string;
  handlers: HandlerTable;
  middleware: MiddlewareChain;
  workerId: string;
  /** The version of the worker. */
  version: string;
  tracing?: Tracing | undefined;
  /** Called once, when the attempt has a verdict. */
  done(task: Task, verdict: Verdict, error?: unknown): void;
  onError(error: HoldfastError): void;
}

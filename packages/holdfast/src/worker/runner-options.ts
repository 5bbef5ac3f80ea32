import type { HoldfastError } from "@holdfast/contracts";
import type { Engine, RoundTrip, Verdict } from "../engine/engine.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { HandlerTable } from "./handler-table.ts";
import type { LeaseTable } from "./lease-table.ts";
import type { MiddlewareChain } from "./middleware.ts";
import type { RunningTask } from "./running-task.ts";
import type { Sharer } from "./share.ts";
import type { Slots } from "./slots.ts";

export interface RunnerOptions {
  /** The engine of the part that it works on. */
  engine: Engine;
  /** The name of the queue. */
  queue: string;
  /** Index of the part in the lease table. */
  index: number;
  weight: number;
  /** See `Sharer`. */
  rank: number;
  slots: Slots;
  table: LeaseTable;
  handlers: HandlerTable;
  middleware: MiddlewareChain;
  leaseMs: number;
  maxRetries: number;
  pollMs: number;
  noHandlerAfterMs: number;
  workerId: string;
  tracing?: Tracing | undefined;
  /** How far ahead of its free slots the queue may take tasks: as many as its handlers end within this time, ms. */
  aheadMs: number;
}

/** The part of a runner that matters when the slots are shared. */
type Runner = Pick<Sharer, "weight" | "rank" | "turnEnd">;

export interface RunnerEvents {
  /** How many of the `free` slots a runner may fill that has `taken` slots already. */
  share(runner: Runner, taken: number, free: number): number;
  /** Whether no other runner has tasks that wait. */
  alone(runner: Runner): boolean;
  onSettled(
    task: RunningTask,
    outcome: RoundTrip["outcomes"][number],
    verdict: Verdict,
    error: unknown,
  ): void;
  onExpired(id: string, envelope: string): void;
  onTurn(): void;
  /** Slots became free, or a state changed that others wait for. */
  onChange(): void;
  onError(error: HoldfastError): void;
}

/** An attempt that has ended in this process and is not settled yet. */
export interface Settled {
  task: RunningTask;
  verdict: Verdict;
  error: unknown;
}

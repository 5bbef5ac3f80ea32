import type { Engine, Verdict } from "../engine/engine.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { HandlerTable } from "./handler-table.ts";
import type { LeaseTable } from "./lease-table.ts";
import type { MiddlewareChain } from "./middleware.ts";
import type { RunningTask } from "./running-task.ts";
import type { Sharer } from "./share.ts";
import type { Slots } from "./slots.ts";

export interface RunnerOptions {
  /** The engine of the part on which the runner works. */
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
  version: string;
  tracing?: Tracing | undefined;
  /** How long the tasks that were taken ahead may have to wait for a slot, ms. It limits how many are taken. */
  aheadMs: number;
}

/** The fields of a runner that decide its share of the slots. */
export type Peer = Pick<Sharer, "weight" | "rank" | "idle" | "turnEnd"> & {
  readonly held: { readonly running: number };
};

/** The runners of the worker, as one of them sees the others. */
export interface OtherRunners {
  /** Returns how many of the `free` slots a runner may fill that already has `taken` slots. */
  share(runner: Peer, taken: number, free: number): number;
  /** Returns the whole share of a runner: how many slots it may have while the others have waiting tasks too. */
  quota(runner: Peer): number;
  /** How many tasks all runners together end within `aheadMs`, by their last samples. */
  readonly pace: number;
  /**
   * Returns how many tasks a runner may begin now. It leaves free the slots that belong to others and for which these
   * hold tasks, or have asked for some.
   */
  room(runner: Peer): number;
  /** Whether every other runner is idle, or waits for Redis after a failed call. */
  alone(runner: Peer): boolean;
  /** Called when slots became free, or when a state changed on which other runners wait. */
  changed(): void;
}

/** An attempt that has ended in this process and is not settled yet. */
export interface Settled {
  task: RunningTask;
  verdict: Verdict;
  error: unknown;
}

import type { Verdict } from "../engine/engine.ts";
import type { LeaseTable } from "./lease-table.ts";
import type { Claim } from "./policy.ts";
import type { RunContext } from "./run-context.ts";
import type { RunningTask } from "./running-task.ts";
import type { Sharer } from "./share.ts";
import type { Slots } from "./slots.ts";

export interface RunnerOptions extends Omit<RunContext<RunningTask>, "done" | "onError"> {
  /** Index of the part in the lease table. */
  index: number;
  weight: number;
  /** See `Sharer`. */
  rank: number;
  slots: Slots;
  table: LeaseTable;
  leaseMs: number;
  maxRetries: number;
  pollMs: number;
  noHandlerAfterMs: number;
  /** How long the tasks that were taken ahead may have to wait for a slot, ms. It limits how many are taken. */
  aheadMs: number;
}

/** The fields of a runner that decide its share of the slots. */
export type Peer = Pick<Sharer, "weight" | "rank" | "idle" | "turnEnd"> & {
  readonly held: { readonly running: number };
};

/** The runners of the worker, as one of them sees the others. */
export interface OtherRunners {
  /** Returns what a runner may claim that already has `taken` slots. */
  claim(runner: Peer, taken: number): Claim;
  /**
   * Returns how many tasks a runner may begin now. It leaves free the slots that belong to others and for which these
   * hold tasks, or have asked for some.
   */
  room(runner: Peer): number;
  /**
   * Returns how many of these granted tasks a runner keeps. Other runners may have taken slots since it asked for them.
   */
  kept(runner: Peer & { readonly ahead: number }, granted: number): number;
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

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
  /** Position in strict order: queues with a smaller rank get slots first. All are 0 with weights. */
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

/** The other runners of the worker, with which a runner shares the slots. */
export interface OtherRunners {
  /** Returns what a runner may claim that already has `taken` slots. */
  claim(runner: Peer, taken: number): Claim;
  /** Returns how many tasks a runner may begin now. Slots of runners that have or expect tasks stay free. */
  room(runner: Peer): number;
  /** Returns how many granted tasks a runner keeps. Other runners may have taken its slots since the request. */
  kept(runner: Peer & { readonly ahead: number }, granted: number): number;
  /** True if every other runner is idle, or waits for Redis after a failed call. */
  alone(runner: Peer): boolean;
  /** Called when slots became free, or when something changed that other runners wait for. */
  changed(): void;
}

/** An attempt whose handler has ended, but which Redis has not settled yet. */
export interface Settled {
  task: RunningTask;
  verdict: Verdict;
  error: unknown;
}

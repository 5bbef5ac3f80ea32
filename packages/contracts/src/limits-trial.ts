import type { QueueLimits } from "./flow-control.ts";

/** How long tasks waited to start after they could have started, ms. */
export interface WaitTimes {
  /** The median: half of the tasks waited no longer. */
  p50Ms: number;
  /** 95% of the tasks waited no longer. */
  p95Ms: number;
}

/** The result of a simulation with certain limits. */
export interface TrialRun {
  /** How long the tasks waited in the simulation. */
  wait: WaitTimes;
  /** The largest number of tasks that waited at the same time. */
  largestBacklog: number;
  /**
   * How many tasks still waited when the last task had arrived. If there are many, the limits let tasks start more
   * slowly than they arrive.
   */
  backlogAtEnd: number;
  /** The largest number of tasks that ran at the same time. */
  peakRunning: number;
  /** With this many slots, only the limits make tasks wait. More slots would start no task earlier. */
  slotsNeeded: number;
}

/** How the recorded tasks of a queue would have run under other limits (docs/flow-control.md). */
export interface LimitsTrial {
  /** The name of the queue. */
  queue: string;
  /** The limits that were tried. */
  limits: QueueLimits;
  /** The limits that the queue has now. */
  limitsToday: QueueLimits;
  /** How many completed tasks were simulated. */
  completed: number;
  /** How many waiting tasks were simulated too, with the mean run time of their type. */
  waiting: number;
  /** Whether tasks were left out, because more than 10,000 had completed or more than 10,000 were waiting. */
  isCut: boolean;
  /** When the first simulated task arrived, ms since the epoch. */
  firstAt: number;
  /** When the last simulated task arrived or ended, ms since the epoch. */
  lastAt: number;
  /** How many slots the workers have in both simulations. */
  slots: number;
  /**
   * The mean number of running tasks, rounded up. With fewer slots the queue cannot keep up, whatever its limits are.
   */
  slotsToKeepUp: number;
  /** How long the completed tasks waited in reality. */
  recorded: WaitTimes;
  /** The simulation with the present limits. */
  today: TrialRun;
  /** The simulation with the limits that were tried. */
  tried: TrialRun;
}

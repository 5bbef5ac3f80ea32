import type { QueueLimits } from "./flow-control.ts";

/** How long tasks wait from the moment at which they could start until they start, ms. */
export interface WaitTimes {
  /** Half of the tasks waited no longer. */
  p50Ms: number;
  /** Of 20 tasks, 19 waited no longer. */
  p95Ms: number;
}

/** What a simulation with certain limits showed. */
export interface TrialRun {
  /** How long the tasks waited in the simulation. */
  wait: WaitTimes;
  /** The most tasks that waited at one time. */
  largestBacklog: number;
  /**
   * The tasks that still waited when the last task had arrived. If they are many, the limits let fewer tasks start than
   * arrive.
   */
  backlogAtEnd: number;
  /** The most tasks that ran at one time. */
  peakRunning: number;
  /** The number of slots at which only the limits still make tasks wait. More slots would start no task earlier. */
  slotsNeeded: number;
}

/** How the recorded tasks of a queue would have fared under other limits (docs/flow-control.md). */
export interface LimitsTrial {
  /** The name of the queue. */
  queue: string;
  /** The limits that were tried. */
  limits: QueueLimits;
  /** The limits of today. */
  limitsToday: QueueLimits;
  /** Completed tasks that were replayed. */
  completed: number;
  /** Tasks that wait now and were replayed with the completed ones, with the mean run time of their type. */
  waiting: number;
  /** True if the trial left out tasks, because more than 10,000 had completed or more than 10,000 wait. */
  isCut: boolean;
  /** When the first of these tasks arrived, ms since the epoch. */
  firstAt: number;
  /** When the last of these tasks arrived or ended, ms since the epoch. */
  lastAt: number;
  /** The slots of the workers in both simulations. */
  slots: number;
  /**
   * The mean number of tasks that ran at one time, rounded up. With fewer slots the queue cannot keep up, whatever its
   * limits are.
   */
  slotsToKeepUp: number;
  /** How long the completed tasks waited in reality. */
  recorded: WaitTimes;
  /** The simulation with the limits of today. */
  today: TrialRun;
  /** The simulation with the limits that were tried. */
  tried: TrialRun;
}

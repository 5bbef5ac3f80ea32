import type { QueueLimits } from "./flow-control.ts";

/** How long tasks wait from the moment at which they could start to their start, ms. */
export interface WaitTimes {
  p50Ms: number;
  p95Ms: number;
}

/** What a simulation with some limits gave. */
export interface TrialRun {
  wait: WaitTimes;
  /** The most tasks that waited at one time. */
  largestBacklog: number;
  /** The tasks that still waited when the last one had arrived. More than a few: the limits let less through than arrives. */
  backlogAtEnd: number;
  /** The most tasks that ran at one time. */
  peakRunning: number;
  /** The slots with which the limits alone make tasks wait: no more slots would start any task earlier. */
  slotsNeeded: number;
}

/** What the recorded tasks of a queue would have met under other limits (docs/flow-control.md). */
export interface LimitsTrial {
  queue: string;
  /** The limits that were tried. */
  limits: QueueLimits;
  /** The limits of today. */
  limitsToday: QueueLimits;
  /** Completed tasks that were replayed. */
  completed: number;
  /** Tasks that wait now and were replayed with them, with the mean run time of their type. */
  waiting: number;
  /** True if there were more than the newest 10,000 completed tasks, or more than 10,000 that wait. */
  isCut: boolean;
  /** When the first of them arrived, ms since the epoch. */
  firstAt: number;
  /** When the last of them arrived or ended, ms since the epoch. */
  lastAt: number;
  /** The slots of the workers in both simulations. */
  slots: number;
  /** The tasks that ran at one time in the mean, rounded up: with fewer slots the queue cannot keep up, whatever its limits are. */
  slotsToKeepUp: number;
  /** What the completed tasks met in truth. */
  recorded: WaitTimes;
  today: TrialRun;
  tried: TrialRun;
}

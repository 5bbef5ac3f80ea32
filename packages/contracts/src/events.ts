/** What the events of a queue report about a task, in the order of its life, and about a flow (docs/events.md). */
export const TASK_EVENT_TYPES = [
  "waiting",
  "enqueued",
  "scheduled",
  "replaced",
  "changed",
  "promoted",
  "started",
  "completed",
  "retried",
  "released",
  "reaped",
  "dead",
  "cancelled",
  "expired",
  "replayed",
  "discarded",
  "restored",
  "removed",
  "flow_ended",
] as const;

/** What an event of a queue reports about a task. */
export type TaskEventType = (typeof TASK_EVENT_TYPES)[number];

/** One thing that happened to one task or flow. */
export interface TaskEvent {
  /** What happened. */
  type: TaskEventType;
  /** The queue of the task or flow. */
  queue: string;
  /** The id of the task; with the type `flow_ended`, that of the flow. */
  id: string;
  /** Redis time, ms since the epoch. */
  at: number;
  /** The position after this event. Pass it as `after` to continue from here. */
  cursor: string;
  /** The worker that got the task. Only with the type `started`. */
  workerId?: string;
  /** Why the task is dead. Only with the type `dead`. */
  reason?: string;
  /** How the flow ended. Only with the type `flow_ended`. */
  outcome?: "success" | "failed" | "cancelled";
  /**
   * What the handler returned, as JSON text. Only with the type `completed`, if there was a result and the queue still
   * had it when the event was read.
   */
  resultText?: string;
}

/** Reports that events are missing, which this reader will not get. */
export interface GapEvent {
  /** Tells a gap from the event of a task. */
  type: "gap";
  /** The queue whose events are missing. */
  queue: string;
  /** The position after the missing events. */
  cursor: string;
  /**
   * How many events are missing, because they were removed before they were read or because a script was aborted. Null
   * if the number is not known, because the setting was switched off in between or Redis lost writes.
   */
  missed: number | null;
}

/** An event of a queue that keeps events. */
export type QueueEvent = TaskEvent | GapEvent;

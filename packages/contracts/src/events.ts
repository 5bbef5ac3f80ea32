/** What the events of a queue tell of a task, in the order of its life (docs/events.md). */
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
] as const;
export type TaskEventType = (typeof TASK_EVENT_TYPES)[number];

/** One thing that happened to one task. */
export interface TaskEvent {
  type: TaskEventType;
  queue: string;
  /** The id of the task. */
  id: string;
  /** Redis time, ms since the epoch. */
  at: number;
  /** The place behind this event: pass it as `after` to go on from here. */
  cursor: string;
  /** The worker that got the task. Only of `started`. */
  workerId?: string;
  /** Why the task is dead. Only of `dead`. */
  reason?: string;
  /**
   * What the handler returned, as JSON text. Only of `completed`, if there was a result, and if the queue still had it when the event was
   * read.
   */
  resultText?: string;
}

/** Events that this reader does not get. */
export interface GapEvent {
  type: "gap";
  queue: string;
  /** The place behind the gap. */
  cursor: string;
  /**
   * How many events are missing: they were removed before they were read, or a script was cut short. Null if the number is not known: the
   * setting was switched off in between, or Redis lost writes.
   */
  missed: number | null;
}

/** An event of a queue that keeps events. */
export type QueueEvent = TaskEvent | GapEvent;

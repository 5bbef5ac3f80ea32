/**
 * The types of events of a queue (docs/events.md). Those of a task come in the order of its life; the last is of a
 * flow.
 */
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

/** The type of an event of a queue. */
export type TaskEventType = (typeof TASK_EVENT_TYPES)[number];

/** An event: something happened to a task or a flow. */
export interface TaskEvent {
  /** What happened. */
  type: TaskEventType;
  /** The queue of the task or flow. */
  queue: string;
  /** The id of the task; with the type `flow_ended`, the id of the flow. */
  id: string;
  /** When the event happened, by the clock of Redis, ms since the epoch. */
  at: number;
  /** The position after this event. Pass it as `after` to read the events that follow. */
  cursor: string;
  /** Only with the type `started`: the worker that got the task. */
  workerId?: string;
  /** Only with the type `dead`: why the task died. */
  reason?: string;
  /** Only with the type `flow_ended`: how the flow ended. */
  outcome?: "success" | "failed" | "cancelled";
  /**
   * Only with the type `completed`: the result as JSON text. Missing if there was none, or if the queue no longer had
   * the result when the event was read.
   */
  resultText?: string;
}

/** Says that this reader missed events, and cannot get them any more. */
export interface GapEvent {
  /** Distinguishes this event from those of tasks. */
  type: "gap";
  /** The queue whose events are missing. */
  queue: string;
  /** The position after the missing events. */
  cursor: string;
  /**
   * How many events were missed, because they were removed before they were read or because a script was aborted. Null
   * if the number is not known, because events were switched off in between or Redis lost writes.
   */
  missed: number | null;
}

/** An event that a reader of a queue gets. */
export type QueueEvent = TaskEvent | GapEvent;

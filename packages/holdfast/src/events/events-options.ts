import { LIMITS, TASK_EVENT_TYPES, type TaskEventType } from "@holdfast/contracts";
import { abortSignal, listOf, oneOf, pattern, yesNo } from "../options/kinds.ts";
import { shapeOf } from "../options/shape.ts";

/** Options of `queue.events`. */
export interface EventsOptions {
  /**
   * Where to begin: the `cursor` of an event, to read what follows it, or `"0"` for the oldest events that are kept.
   * @default only events that happen from now on
   */
  after?: string | undefined;
  /** Which types of events to read, 1 to 16. A gap is always reported. @default all types */
  types?: readonly TaskEventType[] | undefined;
  /** Whether to read the result of each completed task, which takes one command for up to 50 results. @default true */
  results?: boolean | undefined;
  /** Aborting this signal ends the events; the iterator then throws the reason of the signal. */
  signal?: AbortSignal | undefined;
}

export const eventsShape = shapeOf<EventsOptions>({
  what: "the events of a queue",
  title: "Events of a queue",
  example: '{ after: cursor, types: ["completed", "dead"] }',
  kinds: {
    after: pattern(
      "a cursor of an event",
      (value) => value.length > 0 && value.length <= LIMITS.cursorCharacters,
    ),
    types: listOf(
      oneOf(...TASK_EVENT_TYPES),
      `a list of ${TASK_EVENT_TYPES.join(", ")}`,
      1,
      TASK_EVENT_TYPES.length,
    ),
    results: yesNo,
    signal: abortSignal,
  },
  hints: { lastEventId: "after", from: "after", transitions: "types", events: "types" },
});

import type { QueueEvent, TaskEventType } from "@holdfast/contracts";
import { useEffect, useRef, useState } from "react";
import { type ApiError, toApiError } from "../../api/errors.ts";
import { readEvents } from "../../api/events.ts";
import { reconnectDelayMs } from "../../live/connection.ts";

/** The most rows of the list. More rows would make the browser slow, and nobody reads them. */
export const MOST_ROWS = 1_000;

/** The list is drawn this often, ms, because a busy queue has thousands of events a second. */
const DRAW_MS = 250;

/** Errors with these codes are final: another request would get the same answer. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "events_off",
  "invalid_cursor",
  "forbidden",
  "unauthorized",
  "queue_not_found",
]);

export interface EventsState {
  /** The events, newest first. */
  rows: readonly QueueEvent[];
  phase: "connecting" | "live" | "failed";
  /** Why the stream broke off; null while it works. */
  error: ApiError | null;
}

interface EventsOptions {
  queue: string;
  kind: TaskEventType | undefined;
  /** Whether to begin with the oldest stored events. */
  fromOldest: boolean;
  /**
   * Whether events are read. After a pause, reading continues at the same place. If events were removed in the
   * meantime, a gap is shown.
   */
  reading: boolean;
}

/**
 * Follows the events of a queue. A component that changes the queue, the kind or the start has to change its React
 * `key` too.
 */
export function useEvents({ queue, kind, fromOldest, reading }: EventsOptions): EventsState {
  const [state, setState] = useState<EventsState>({ rows: [], phase: "connecting", error: null });
  const cursor = useRef(fromOldest ? "0" : undefined);
  useEffect(() => {
    if (!reading) return;
    const gone = new AbortController();
    const { signal } = gone;
    let fresh: QueueEvent[] = [];
    let failures = 0;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      if (fresh.length === 0) return;
      const newest = fresh.reverse();
      fresh = [];
      setState(({ rows }) => ({
        rows: [...newest, ...rows].slice(0, MOST_ROWS),
        phase: "live",
        error: null,
      }));
    };
    const drawing = setInterval(draw, DRAW_MS);
    const read = () =>
      readEvents({ queue, after: cursor.current, kind, signal }, (chunk) => {
        failures = 0;
        cursor.current = chunk.cursor ?? cursor.current;
        fresh = fresh.concat(chunk.events).slice(-MOST_ROWS);
        setState((old) => (old.phase === "live" ? old : { ...old, phase: "live", error: null }));
      }).then(
        () => again(null),
        (cause: unknown) => again(toApiError(cause)),
      );
    const again = (error: ApiError | null) => {
      if (signal.aborted) return;
      failures += 1;
      const isFinal = error !== null && FINAL_CODES.has(error.code);
      setState((old) => ({ ...old, phase: isFinal ? "failed" : "connecting", error }));
      if (!isFinal) retry = setTimeout(() => void read(), reconnectDelayMs(failures));
    };
    void read();
    return () => {
      gone.abort();
      clearInterval(drawing);
      clearTimeout(retry);
      // The cursor is already after these events, so no later request would read them again. They are drawn now.
      draw();
    };
  }, [queue, kind, reading]);
  return state;
}

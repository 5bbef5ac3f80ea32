/**
 * The state of the connection for live data. A reducer without side effects computes it from the events of the
 * socket.
 */

/** Without an update for this time, ms, figures count as stale. At least three updates are missing then. */
export const STALE_AFTER_MS = 6_000;

export type Phase = "connecting" | "live" | "reconnecting" | "polling";

export interface Connection {
  phase: Phase;
  /** The sequence number of the last message; null before the first one, and again after a reconnect. */
  seq: number | null;
  /** When the figures on the screen last changed, ms of this browser's clock. */
  freshAt: number | null;
  /** How many attempts in a row have failed. */
  failures: number;
  /** The number of gaps in the stream. After a gap, components fetch their data again. */
  gaps: number;
  stale: boolean;
}

export type ConnectionEvent =
  | { type: "opened" }
  | { type: "message"; seq: number; now: number }
  | { type: "closed" }
  | { type: "polled"; now: number }
  | { type: "tick"; now: number };

export const initialConnection: Connection = {
  phase: "connecting",
  seq: null,
  freshAt: null,
  failures: 0,
  gaps: 0,
  stale: false,
};

/** After this many failures in a row, the page polls over HTTP. Meanwhile it goes on trying to open the socket. */
const POLL_AFTER_FAILURES = 2;

export function reduceConnection(state: Connection, event: ConnectionEvent): Connection {
  switch (event.type) {
    case "opened":
      // The phase becomes "live" only with the first message, because an open socket may still be silent.
      return { ...state, seq: null };
    case "message": {
      const missed = state.seq === null ? state.freshAt !== null : event.seq !== state.seq + 1;
      return {
        phase: "live",
        seq: event.seq,
        freshAt: event.now,
        failures: 0,
        gaps: missed ? state.gaps + 1 : state.gaps,
        stale: false,
      };
    }
    case "closed": {
      const failures = state.failures + 1;
      const phase = failures >= POLL_AFTER_FAILURES ? "polling" : "reconnecting";
      return { ...state, phase, seq: null, failures };
    }
    case "polled":
      return { ...state, freshAt: event.now, stale: false };
    case "tick": {
      const stale = state.freshAt !== null && event.now - state.freshAt > STALE_AFTER_MS;
      return stale === state.stale ? state : { ...state, stale };
    }
  }
}

/**
 * Returns the wait before the next attempt, ms. It doubles up to 15 s. A random part keeps all browsers from
 * returning at the same moment.
 */
export function reconnectDelayMs(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(15_000, 500 * 2 ** Math.max(0, failures - 1));
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}

import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { SERVICE_URL } from "../api/base.ts";
import { type ApiError, toApiError } from "../api/errors.ts";
import { type OperationView, operationQuery } from "../api/operations.ts";
import { queuesQuery } from "../api/queues.ts";
import { workersQuery } from "../api/workers.ts";
import {
  type Connection,
  initialConnection,
  reconnectDelayMs,
  reduceConnection,
  STALE_AFTER_MS,
} from "./connection.ts";
import { applyMessage, applyPoll, emptyFigures, type LiveFigures, upsertOperation } from "./live-store.ts";
import { openStream, streamUrl } from "./socket.ts";

interface Live {
  figures: LiveFigures;
  connection: Connection;
  /** The error of the last poll; null if the poll succeeded or the socket is live. */
  error: ApiError | null;
  paused: boolean;
  setPaused(paused: boolean): void;
  trackOperation(operation: OperationView): void;
}

const LiveContext = createContext<Live | null>(null);

const POLL_MS = 2_000;

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [connection, dispatch] = useReducer(reduceConnection, initialConnection);
  const [figures, setFigures] = useState<LiveFigures>(emptyFigures);
  const [error, setError] = useState<ApiError | null>(null);
  const [paused, setPaused] = useState(false);
  const pausedRef = useRef(paused);
  pausedRef.current = paused;

  useEffect(() => {
    let failures = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let close: (() => void) | undefined;
    let heardAt: number | null = null;
    const again = () => {
      heardAt = null;
      failures += 1;
      dispatch({ type: "closed" });
      timer = setTimeout(connect, reconnectDelayMs(failures));
    };
    const connect = () => {
      close = openStream(streamUrl(SERVICE_URL), {
        onOpen: () => dispatch({ type: "opened" }),
        onMessage: (message) => {
          failures = 0;
          const now = Date.now();
          heardAt = now;
          dispatch({ type: "message", seq: message.seq, now });
          setError(null);
          if (!pausedRef.current) setFigures((state) => applyMessage(state, message, now));
        },
        onClose: again,
      });
    };
    connect();
    const ticker = setInterval(() => {
      const now = Date.now();
      dispatch({ type: "tick", now });
      // If a cable is pulled, a socket notices nothing. So a socket that is silent for too long is closed and opened
      // again.
      if (heardAt === null || now - heardAt <= STALE_AFTER_MS) return;
      close?.();
      again();
    }, 1_000);
    return () => {
      clearTimeout(timer);
      clearInterval(ticker);
      close?.();
    };
  }, []);

  // After a gap in the stream, all data may be out of date. After an outage of the API, failed requests may succeed.
  // So all data is fetched again.
  const away = error !== null;
  useEffect(() => {
    if (connection.gaps > 0) void client.invalidateQueries();
  }, [client, connection.gaps]);
  useEffect(() => {
    if (!away) void client.invalidateQueries({ predicate: ({ state }) => state.status === "error" });
  }, [client, away]);

  const running = figures.operations.find(({ state }) => state === "running")?.id;
  const polling = connection.phase !== "live" && connection.phase !== "connecting";
  useEffect(() => {
    if (!polling) return;
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      try {
        const [list, workers, operation] = await Promise.all([
          client.fetchQuery({ ...queuesQuery(), staleTime: 0, retry: false }),
          client.fetchQuery({ ...workersQuery(), staleTime: 0, retry: false }),
          running === undefined
            ? null
            : client.fetchQuery({ ...operationQuery(running), staleTime: 0, retry: false }).catch(() => null),
        ]);
        if (over) return;
        const now = Date.now();
        dispatch({ type: "polled", now });
        setError(null);
        if (!pausedRef.current) {
          setFigures((state) => {
            const next = applyPoll(state, list.queues, list.rates ?? {}, workers, now);
            return operation === null
              ? next
              : { ...next, operations: upsertOperation(next.operations, operation) };
          });
        }
      } catch (cause) {
        if (over) return;
        const failure = toApiError(cause);
        setError(failure);
        if (failure.code.startsWith("redis_")) setFigures((state) => ({ ...state, redisUp: false }));
      } finally {
        if (!over) timer = setTimeout(() => void poll(), POLL_MS);
      }
    };
    void poll();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [client, polling, running]);

  const trackOperation = useCallback((operation: OperationView) => {
    setFigures((state) => ({ ...state, operations: upsertOperation(state.operations, operation) }));
  }, []);

  const live = useMemo<Live>(
    () => ({ figures, connection, error, paused, setPaused, trackOperation }),
    [figures, connection, error, paused, trackOperation],
  );
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = use(LiveContext);
  if (live === null) throw new Error("useLive needs a LiveProvider above it");
  return live;
}

let present = Date.now();
let ticking: ReturnType<typeof setInterval> | undefined;
const watchers = new Set<() => void>();

/** All ages on the page share one timer. With a timer per age, a list would have hundreds of timers. */
function subscribe(watcher: () => void): () => void {
  // The timer runs only while somebody watches. Before the first watcher, `present` may be old.
  if (watchers.size === 0) present = Date.now();
  watchers.add(watcher);
  ticking ??= setInterval(() => {
    present = Date.now();
    for (const each of watchers) each();
  }, 1_000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

const now = (): number => present;

/** Returns the current time by the clock of Redis, updated once a second. */
export function useNow(): number {
  const { figures } = useLive();
  return useSyncExternalStore(subscribe, now) + figures.clockOffsetMs;
}

import type { QueueStats } from "@holdfast/contracts";
import type { TaskDetail } from "@holdfast/contracts/api";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRouter, RouterProvider } from "@tanstack/react-router";
import { configure, render } from "@testing-library/react";
import { vi } from "vitest";
import type { Session } from "../api/session.ts";
import { LiveProvider } from "../live/live-context.tsx";
import { routeTree } from "../router.tsx";
import { SessionGate } from "../session/session-context.tsx";
import { TimeProvider } from "../ui/time.tsx";
import { ToastProvider } from "../ui/toast.tsx";

// The time-out is long, because the first test of a file also loads the code of its screen.
configure({ asyncUtilTimeout: 15_000 });

/** A request that a screen has sent. */
export interface Call {
  method: string;
  path: string;
  query: Record<string, string>;
  bodyText: string | null;
}

/** Answers a request. With `events`, as Server-Sent Events that stay open until the request is aborted. */
type Handler = (call: Call) => { status?: number; body?: unknown; events?: string } | undefined;

const stream = (text: string, signal: AbortSignal): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      signal.addEventListener("abort", () => controller.error(signal.reason));
    },
  });

/** A socket that never opens. So screens poll, and the handler of the test answers all their requests. */
class SilentSocket extends EventTarget {
  constructor() {
    super();
    queueMicrotask(() => this.dispatchEvent(new Event("close")));
  }
  close(): void {}
}

/** The session of a service without keys, where everybody may do everything. */
const OPEN: Session = {
  authenticated: true,
  keysRequired: false,
  readOnly: false,
  label: "anonymous",
  role: "admin",
  scopes: ["admin"],
  queues: null,
  expiresAt: null,
  idleExpiresAt: null,
  environment: null,
  traceUrl: null,
  redis: null,
  demoLoad: true,
};

/** Renders the whole dashboard at an address. `handler` answers the requests of the dashboard. */
export function renderAt(address: string, handler: Handler): { calls: Call[] } {
  const calls: Call[] = [];
  vi.stubGlobal("WebSocket", SilentSocket);
  vi.stubGlobal("scrollTo", () => {});
  vi.stubGlobal("CSS", { escape: (text: string) => text.replace(/[^\w-]/g, "\\$&") });
  // jsdom computes no layout, and a list without height would show no rows. So these elements get a size.
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { configurable: true, value: 800 });
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { configurable: true, value: 1_000 });
  vi.stubGlobal("fetch", async (request: Request) => {
    const url = new URL(request.url);
    const bodyText = await request.text();
    const call: Call = {
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      bodyText: bodyText === "" ? null : bodyText,
    };
    calls.push(call);
    const answer = handler(call) ??
      (call.path === "/v1/session" ? { body: OPEN } : undefined) ?? {
        status: 404,
        body: { code: "not_found", detail: `no ${call.path}` },
      };
    const status = answer.status ?? 200;
    if (answer.events !== undefined)
      return new Response(stream(answer.events, request.signal), {
        headers: { "content-type": "text/event-stream; charset=utf-8" },
      });
    return new Response(JSON.stringify(answer.body), {
      status,
      headers: { "content-type": status < 400 ? "application/json" : "application/problem+json" },
    });
  });
  const router = createRouter({ routeTree, history: createMemoryHistory({ initialEntries: [address] }) });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <ToastProvider>
        <SessionGate>
          <LiveProvider>
            <TimeProvider>
              <RouterProvider router={router} />
            </TimeProvider>
          </LiveProvider>
        </SessionGate>
      </ToastProvider>
    </QueryClientProvider>,
  );
  return { calls };
}

export function queueStats(part: Partial<QueueStats> = {}): QueueStats {
  return {
    queue: "emails",
    at: Date.now(),
    waiting: 0,
    pending: 0,
    pendingByPriority: { high: 0, normal: 0, low: 0 },
    pendingSolo: 0,
    pendingTyped: 0,
    pendingKeyed: 0,
    suspended: 0,
    flows: 0,
    oldestFlowAgeMs: 0,
    flow: { runnable: 0, concurrency: null, keysReady: 0, keysResting: 0, keysHeld: 0, heldUntil: null },
    processing: 0,
    scheduled: 0,
    completed: 0,
    dead: 0,
    cancelled: 0,
    expired: 0,
    paused: false,
    pauseReason: null,
    pausedAt: null,
    pausedBy: null,
    partitions: null,
    oldestPendingAgeMs: 0,
    totals: {
      enqueued: 0,
      deduplicated: 0,
      attempts: 0,
      acked: 0,
      failed: 0,
      retried: 0,
      crashed: 0,
      released: 0,
      deadLettered: 0,
      replayed: 0,
      promoted: 0,
      cancelled: 0,
      expired: 0,
      stale: 0,
      purged: 0,
      dropped: 0,
    },
    settings: {
      maxWaiting: 0,
      retentionMs: 1_000,
      retentionCount: 1,
      idempotencyMs: 1_000,
      durability: "memory",
      maxDead: 0,
      maxDeadAgeMs: 0,
      maxEvents: 0,
    },
    ...part,
  };
}

export function deadTask(id: string, part: Partial<TaskDetail> = {}): TaskDetail {
  return {
    id,
    queue: "emails",
    type: "email.send",
    state: "dead",
    priority: "normal",
    payloadText: "{}",
    payloadBytes: 2,
    payloadKept: true,
    resultText: null,
    attempts: 4,
    failures: 4,
    crashes: 0,
    releases: 0,
    generation: 0,
    diedAgain: false,
    maxRetries: 3,
    timeoutMs: null,
    backoff: null,
    tags: [],
    keep: null,
    keptUntil: null,
    key: null,
    cost: 1,
    unique: null,
    schedule: null,
    flow: null,
    traceId: null,
    enqueuedAt: 1_000,
    runAt: null,
    expiresAt: null,
    leaseExpiresAt: null,
    endedAt: 2_000,
    workerId: null,
    fence: null,
    cancelRequested: false,
    solo: false,
    unroutedSince: null,
    waitsFor: null,
    deadReason: "retries_exhausted",
    signature: null,
    lastError: "Error: no route",
    progress: null,
    checkpointBytes: null,
    log: [],
    logMarks: [],
    history: [],
    replays: [],
    changes: null,
    steps: null,
    ...part,
  };
}

/** Answers the requests of the frame, which is around every screen. */
export function frame(stats: QueueStats[]): Handler {
  return ({ path, method }) => {
    if (method !== "GET") return undefined;
    if (path === "/v1/queues") return { body: { queues: stats, rates: {} } };
    if (path === "/v1/workers") return { body: { workers: [] } };
    return undefined;
  };
}

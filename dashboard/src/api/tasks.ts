import type { Priority, TaskState, TaskView } from "@holdfast/contracts";
import type { TaskPage, WhyView } from "@holdfast/contracts/api";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { path, request } from "./http.ts";
import { queueKey } from "./queues.ts";

export type { TaskPage, TaskView, WhyView };

export interface TaskFilter {
  state: TaskState;
  type?: string | undefined;
  q?: string | undefined;
}

export interface NewTaskText {
  type: string;
  /** JSON, sent exactly as typed. */
  payloadText: string;
  priority?: Priority;
  delayMs?: number;
  maxRetries?: number;
}

/** `GET /v1/queues/:queue/tasks`, by cursor. */
export const tasksQuery = (queue: string, filter: TaskFilter) =>
  infiniteQueryOptions({
    queryKey: [...queueKey(queue), "tasks", filter] as const,
    queryFn: ({ pageParam, signal }) =>
      request<TaskPage>(path`/v1/queues/${queue}/tasks`, {
        query: { state: filter.state, type: filter.type, q: filter.q, cursor: pageParam, limit: 100 },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** `GET /v1/queues/:queue/tasks/:id`. */
export const taskQuery = (queue: string, id: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "task", id] as const,
    queryFn: ({ signal }) => request<TaskView>(path`/v1/queues/${queue}/tasks/${id}`, { signal }),
  });

/** `GET /v1/queues/:queue/tasks/:id/why`. */
export const whyQuery = (queue: string, id: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "why", id] as const,
    queryFn: ({ signal }) => request<WhyView>(path`/v1/queues/${queue}/tasks/${id}/why`, { signal }),
  });

/** `DELETE /v1/queues/:queue/tasks/:id`: 200 cancelled, 202 requested. */
export const cancelTask = (
  queue: string,
  id: string,
): Promise<{ id: string; outcome: "cancelled" | "requested" }> =>
  request(path`/v1/queues/${queue}/tasks/${id}`, { method: "DELETE" });

/** `POST /v1/queues/:queue/tasks`. */
export const injectTask = (queue: string, task: NewTaskText): Promise<{ id: string; state: TaskState }> =>
  request(path`/v1/queues/${queue}/tasks`, { method: "POST", bodyText: injectBody(task) });

/**
 * The body of an enqueue, put together as text: `12345678901234567890` would come out of
 * JSON.parse and JSON.stringify as another number. Throws a SyntaxError when the payload is not JSON.
 */
export function injectBody(task: NewTaskText): string {
  JSON.parse(task.payloadText);
  const rest = JSON.stringify({
    type: task.type,
    priority: task.priority,
    delayMs: task.delayMs,
    maxRetries: task.maxRetries,
  });
  return `${rest.slice(0, -1)},"payload":${task.payloadText}}`;
}

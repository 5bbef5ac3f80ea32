import type { Keep, ListedState, Priority, Unique } from "@holdfast/contracts";
import type { ChangeBody, TaskPage } from "@holdfast/contracts/api";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { BASE_PATH } from "./base.ts";
import { api, given } from "./client.ts";
import type { BulkAnswer } from "./dead-letters.ts";
import { ApiError } from "./errors.ts";
import { queueKey } from "./queues.ts";

export type { TaskPage };

/** The filter of a list of tasks. */
export interface TaskSearch {
  /** The queue; null for all queues. */
  queue: string | null;
  /** The state; if it is missing, the tasks in every state that the query allows. */
  state?: ListedState | undefined;
  /** The query (docs/queries.md); empty for all tasks. */
  query: string;
}

export interface NewTaskText {
  type: string;
  /** The payload as JSON text, which is sent exactly as the user typed it. */
  payloadText: string;
  priority?: Priority;
  delayMs?: number;
  maxRetries?: number;
  key?: string;
  cost?: number;
  keep?: Keep;
  unique?: Unique;
}

/**
 * Calls `GET /v1/queues/:queue/tasks` or `GET /v1/tasks`, page by page. Each request scans a limited number of tasks, so
 * a page of a search may be empty even if more matches follow.
 */
export const tasksQuery = ({ queue, state, query }: TaskSearch) =>
  infiniteQueryOptions({
    queryKey: [
      ...(queue === null ? ["tasks of all queues"] : queueKey(queue)),
      "tasks",
      state ?? "",
      query,
    ] as const,
    queryFn: ({ pageParam: cursor, signal }) => {
      const page = { ...given({ query, cursor }), limit: 100 };
      return queue === null
        ? api("GET /v1/tasks", { query: page, signal })
        : api("GET /v1/queues/:queue/tasks", {
            params: { queue },
            query: { ...page, ...given({ state }) },
            signal,
          });
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** Reads the first task of a state, or null. In processing, it is the task whose lease ends first. */
export const firstTaskQuery = (queue: string, state: ListedState) =>
  queryOptions({
    queryKey: [...queueKey(queue), "first", state] as const,
    queryFn: async ({ signal }) =>
      (
        await api("GET /v1/queues/:queue/tasks", {
          params: { queue },
          query: { state, limit: 1 },
          signal,
        })
      ).tasks[0] ?? null,
  });

/** Returns the address from which the browser downloads all matching tasks as NDJSON. */
export const tasksExportUrl = (queue: string, state: ListedState, query: string): string =>
  `${BASE_PATH}/v1/queues/${encodeURIComponent(queue)}/tasks/export?${new URLSearchParams(
    given({ state, query }) as Record<string, string>,
  )}`;

export const taskQuery = (queue: string, id: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "task", id] as const,
    queryFn: ({ signal }) => api("GET /v1/queues/:queue/tasks/:id", { params: { queue, id }, signal }),
  });

export const whyQuery = (queue: string, id: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "why", id] as const,
    queryFn: ({ signal }) => api("GET /v1/queues/:queue/tasks/:id/why", { params: { queue, id }, signal }),
  });

/**
 * Calls `DELETE /v1/queues/:queue/tasks/:id`. Status 200: the task is cancelled. Status 202: the task runs, and its
 * worker was asked to cancel it.
 */
export const cancelTask = (queue: string, id: string) =>
  api("DELETE /v1/queues/:queue/tasks/:id", { params: { queue, id } });

export const changeTask = (queue: string, id: string, body: ChangeBody) =>
  api("PATCH /v1/queues/:queue/tasks/:id", { params: { queue, id }, body });

/**
 * Calls `POST /v1/queues/:queue/tasks/change` to run scheduled tasks now. With an empty query, all of them run.
 */
export async function runScheduledNow(queue: string, query: string): Promise<BulkAnswer> {
  const answer = await api("POST /v1/queues/:queue/tasks/change", {
    params: { queue },
    body: { ...(query === "" ? { all: true as const } : { query }), change: { delayMs: 0 } },
  });
  return "kind" in answer ? { operation: answer } : { done: answer.changed, skipped: answer.skipped };
}

export const injectTask = (queue: string, task: NewTaskText) =>
  api("POST /v1/queues/:queue/tasks", { params: { queue }, text: injectBody(task) });

/**
 * Returns the body of an enqueue. It is built as text, because JSON.parse and JSON.stringify would turn
 * `12345678901234567890` into another number. Throws a SyntaxError if the payload is not JSON.
 */
export function injectBody(task: NewTaskText): string {
  JSON.parse(task.payloadText);
  const rest = JSON.stringify({
    type: task.type,
    priority: task.priority,
    delayMs: task.delayMs,
    maxRetries: task.maxRetries,
    key: task.key,
    cost: task.cost,
    keep: task.keep,
    unique: task.unique,
  });
  return `${rest.slice(0, -1)},"payload":${task.payloadText}}`;
}

/** Searches the queues one after the other for a task. Returns the name of its queue, or null if no queue has it. */
export async function findTask(queues: readonly string[], id: string): Promise<string | null> {
  for (const queue of queues) {
    try {
      await api("GET /v1/queues/:queue/tasks/:id", { params: { queue, id } });
      return queue;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }
  return null;
}

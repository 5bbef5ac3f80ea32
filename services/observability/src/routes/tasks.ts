import { LIMITS } from "@holdfast/contracts";
import {
  DeadLetterQuery,
  QueueParams,
  TaskDetailSchema,
  TaskExportQuery,
  TaskListQuery,
  TaskPage,
  TaskParams,
  TaskSearchQuery,
  WhyView,
} from "@holdfast/contracts/api";
import { type HttpServer, mayUseQueue } from "@holdfast/service";
import { HoldfastError, type TaskPage as Page, type TaskView } from "holdfast";
import { listFor } from "../operators/masked-list.ts";
import { abortOf, PROBLEMS, type RouteContext, TAGS } from "./context.ts";
import { sendLines } from "./lines.ts";

const BOUNDED =
  "A page can be short or empty before the end, because a request reads about 1,000 tasks at most: continue while `cursor` is not null. `scanned` is the number of tasks that were read for the page, and `total` the number of those that are searched.";

/** The routes that read tasks and dead letters. */
export function taskRoutes(app: HttpServer, { observer, audit }: RouteContext): void {
  const { maskFor } = app.basics;

  app.get(
    "/v1/queues/:queue/tasks",
    {
      config: { showsPayloads: true },
      schema: {
        tags: [TAGS.tasks],
        summary: "List tasks",
        description: `A page and the cursor of the next one. ${BOUNDED} Without \`state\` the states follow one another.`,
        params: QueueParams,
        querystring: TaskListQuery,
        response: { 200: TaskPage, ...PROBLEMS },
      },
    },
    async ({ identity, params, query }, reply) =>
      listFor(observer, params.queue, { ...query, signal: abortOf(reply) }, maskFor(identity)),
  );

  app.get(
    "/v1/tasks",
    {
      config: { showsPayloads: true },
      schema: {
        tags: [TAGS.tasks],
        summary: "Search the tasks of all queues",
        description: `The queues follow one another by name, and the states of each. ${BOUNDED}`,
        querystring: TaskSearchQuery,
        response: { 200: TaskPage, ...PROBLEMS },
      },
    },
    async ({ identity, query }, reply) => {
      const queues = (await observer.queues()).filter((queue) => mayUseQueue(identity, queue));
      return listFor(observer, queues, { ...query, signal: abortOf(reply) }, maskFor(identity));
    },
  );

  app.get(
    "/v1/queues/:queue/tasks/export",
    {
      schema: {
        tags: [TAGS.tasks],
        summary: "All tasks that match, as NDJSON",
        description: "A task per line, streamed as fast as it is read. Stops when the client goes away.",
        params: QueueParams,
        querystring: TaskExportQuery,
        produces: ["application/x-ndjson"],
        response: { 200: { type: "string", description: "A task per line" }, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      // The first page is read before the answer begins. So an unknown queue is answered 404, and not with a stream
      // that breaks off.
      const mask = maskFor(request.identity);
      const query = { ...request.query, limit: LIMITS.pageTasks };
      const first = await listFor(observer, queue, query, mask);
      const pages = pagesFrom(first, (cursor) => listFor(observer, queue, { ...query, cursor }, mask));
      return sendLines(reply, `${queue}-${request.query.state ?? "tasks"}.ndjson`, pages, {
        ...{ audit, action: "task.export", queue },
      });
    },
  );

  app.get(
    "/v1/queues/:queue/tasks/:id",
    {
      config: { showsPayloads: true },
      schema: {
        tags: [TAGS.tasks],
        summary: "One task with every attempt",
        params: TaskParams,
        response: { 200: TaskDetailSchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue, id } = request.params;
      const [task, steps] = await Promise.all([observer.task(queue, id), observer.steps(queue, id)]);
      return task ? { ...task, steps } : unknownTask(queue, id);
    },
  );

  app.get(
    "/v1/queues/:queue/tasks/:id/why",
    {
      schema: {
        tags: [TAGS.tasks],
        summary: "Why is this task not running?",
        description:
          "Paused, not due, no worker for its type, or waiting: with its position and expected start.",
        params: TaskParams,
        response: { 200: WhyView, ...PROBLEMS },
      },
    },
    async (request) => {
      const { queue, id } = request.params;
      return (await observer.why(queue, id)) ?? unknownTask(queue, id);
    },
  );

  app.get(
    "/v1/queues/:queue/dead-letters",
    {
      config: { showsPayloads: true },
      schema: {
        tags: [TAGS.deadLetters],
        summary: "List dead letters, newest first",
        params: QueueParams,
        querystring: DeadLetterQuery,
        response: { 200: TaskPage, ...PROBLEMS },
      },
    },
    async ({ identity, params, query }, reply) =>
      listFor(observer, params.queue, { ...query, state: "dead", signal: abortOf(reply) }, maskFor(identity)),
  );
}

async function* pagesFrom(first: Page, next: (cursor: string) => Promise<Page>): AsyncGenerator<TaskView[]> {
  for (let page = first; ; page = await next(page.cursor)) {
    yield page.tasks;
    if (page.cursor === null) return;
  }
}

function unknownTask(queue: string, id: string): never {
  throw new HoldfastError(
    "task_not_found",
    `there is no task ${id} in queue ${queue}: it never existed, or its retention is over`,
    {
      taskId: id,
    },
  );
}

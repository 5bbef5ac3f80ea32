import {
  nullable,
  WorkerActionBody,
  WorkerDrainReply,
  WorkerList,
  WorkerParams,
} from "@holdfast/contracts/api";
import { assertQueue, type HttpServer } from "@holdfast/service";
import { HoldfastError } from "holdfast";
import { authorOf } from "../operators/audit-log.ts";
import { visibleWorkers } from "../operators/visible.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

export function workerRoutes(app: HttpServer, { observer, audit }: RouteContext): void {
  const tags = [TAGS.system];

  app.get(
    "/v1/workers",
    {
      schema: {
        tags,
        summary: "List workers",
        description:
          "Each worker with its registration, the age of its last heartbeat and at most 100 of its running tasks.",
        response: { 200: WorkerList, ...PROBLEMS },
      },
    },
    async ({ identity }) => ({
      workers: visibleWorkers(identity, await observer.workers({ tasks: true })),
    }),
  );

  for (const action of ["drain", "resume"] as const) {
    app.post(
      `/v1/workers/:id/${action}`,
      {
        config: { scope: "control" },
        schema: {
          tags,
          summary: action === "drain" ? "Drain a worker" : "Let a drained worker resume",
          description:
            action === "drain"
              ? "With its next heartbeat, within two seconds, the worker stops acquiring, hands back tasks that it has not begun, and finishes the others. Its state is draining, then drained."
              : "It acquires again after its next heartbeat, within two seconds.",
          params: WorkerParams,
          body: nullable(WorkerActionBody),
          response: { 200: WorkerDrainReply, ...PROBLEMS },
        },
      },
      async (request) => {
        const { id } = request.params;
        const worker = (await observer.workers()).find((known) => known.id === id);
        // If the caller may see none of the worker's queues, the answer is the same as for a worker that does not
        // exist.
        if (!worker || visibleWorkers(request.identity, [worker]).length === 0)
          throw new HoldfastError("not_found", `there is no worker "${id}"`);
        // A drained worker takes no tasks from any of its queues, so the caller needs access to all of them.
        for (const queue of worker.queues) assertQueue(request.identity, queue);
        const mutation = {
          action: `worker.${action}` as const,
          queue: null,
          subject: id,
          by: authorOf(request),
        };
        await audit.during({ ...mutation, reason: request.body?.reason }, async () => {
          await (action === "drain" ? observer.drainWorker(id) : observer.resumeWorker(id));
          return { count: 0 };
        });
        return { id, draining: action === "drain" };
      },
    );
  }
}

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
          "As they registered themselves, with the age of their last heartbeat and what they run, at most 100 tasks each.",
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
          summary: action === "drain" ? "Drain a worker" : "Let a drained worker go on",
          description:
            action === "drain"
              ? "It acquires nothing more, hands back what it has not begun, and ends what runs; it follows with its next heartbeat, within two seconds. Its state is draining, then drained."
              : "It acquires again after its next heartbeat, within two seconds.",
          params: WorkerParams,
          body: nullable(WorkerActionBody),
          response: { 200: WorkerDrainReply, ...PROBLEMS },
        },
      },
      async (request) => {
        const { id } = request.params;
        const worker = (await observer.workers()).find((known) => known.id === id);
        // One that runs queues of others alone is answered like one that is not there.
        if (!worker || visibleWorkers(request.identity, [worker]).length === 0)
          throw new HoldfastError("not_found", `there is no worker "${id}"`);
        // It takes nothing of any of its queues: each has to be the caller's to control.
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

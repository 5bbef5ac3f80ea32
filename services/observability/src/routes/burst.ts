import { BurstBody, nullable, OperationView, QueueParams } from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { LIMITS, type NewTask } from "holdfast";
import type { OperationWork } from "../operators/operations.ts";
import { PROBLEMS, type Producer, type RouteContext, TAGS } from "./context.ts";

/** The dashboard's "run the burst": many demo tasks, enqueued here so that the browser sends one request. */
export function burstRoutes(app: HttpServer, { queue: open, operations, audit }: RouteContext): void {
  app.post(
    "/v1/queues/:queue/burst",
    {
      config: { scope: "enqueue" },
      schema: {
        tags: [TAGS.tasks],
        summary: "Enqueue a burst of demo tasks",
        description:
          "By default 10,000 tasks of which every attempt fails with a chance of 20 %. Answers an operation.",
        params: QueueParams,
        body: nullable(BurstBody),
        response: { 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { tasks = 10_000, failRate = 0.2, type = "demo.flaky" } = request.body ?? {};
      const mutation = { action: "queue.burst" as const, queue, requestId: request.id };
      const { view } = await audit.during(mutation, async () => {
        const work = burstWork(open(queue), { tasks, failRate, type });
        const view = operations.start({ kind: "burst", queue, total: tasks }, work, (end) =>
          audit.operationEnded(mutation, end),
        );
        return { count: tasks, operationId: view.id, view };
      });
      return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
    },
  );
}

function burstWork(
  producer: Producer,
  burst: { tasks: number; failRate: number; type: string },
): OperationWork {
  return async ({ signal, progress }) => {
    const result = { enqueued: 0, refused: 0 };
    for (let start = 0; start < burst.tasks && !signal.aborted; start += LIMITS.scriptTasks) {
      const size = Math.min(LIMITS.scriptTasks, burst.tasks - start);
      const chunk: NewTask[] = Array.from({ length: size }, (_, index) => ({
        type: burst.type,
        payload: { n: start + index, failRate: burst.failRate },
      }));
      const results = await producer.enqueueMany(chunk);
      const enqueued = results.filter(({ ok }) => ok).length;
      result.enqueued += enqueued;
      result.refused += size - enqueued;
      progress(result.enqueued);
      const refusal = results.find((item) => !item.ok);
      // What refused one (a full queue, a lost Redis) refuses the rest too: say so and stop.
      if (refusal && !refusal.ok) {
        throw new Error(`stopped after ${result.enqueued} of ${burst.tasks}: ${refusal.error.message}`);
      }
    }
    return result;
  };
}

import { assertDemoLoad } from "@holdfast/contracts";
import { BurstBody, nullable, OperationView, QueueParams } from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { authorOf } from "../operators/audit-log.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/**
 * The route for "run the burst" in the dashboard. It enqueues many demo tasks, so that the browser has to send only one
 * request.
 */
export function burstRoutes(
  app: HttpServer,
  { operations, audit, environment, admitQueue }: RouteContext,
): void {
  app.post(
    "/v1/queues/:queue/burst",
    {
      config: { scope: "enqueue" },
      schema: {
        tags: [TAGS.tasks],
        summary: "Enqueue a burst of demo tasks",
        description:
          "By default 10,000 tasks whose attempts fail with a probability of 20%. Answers an operation, or 403 unless ENVIRONMENT is empty or `development`.",
        params: QueueParams,
        body: nullable(BurstBody),
        response: { 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const { tasks = 10_000, failRate = 0.2, type = "demo.flaky" } = request.body ?? {};
      const mutation = { action: "queue.burst" as const, queue, by: authorOf(request) };
      const { view } = await audit.during(mutation, async () => {
        assertDemoLoad(environment);
        await admitQueue(queue, request);
        const by = { ...authorOf(request), reason: null };
        const burst = { tasks, failRate, type };
        const view = await operations.start({ kind: "burst", queue, burst, by }, tasks, request);
        return { count: tasks, operationId: view.id, view };
      });
      return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
    },
  );
}

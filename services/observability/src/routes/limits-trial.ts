import { LimitsTrialReply, LimitsTryBody, QueueParams } from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** The route for a trial: a simulation of recorded tasks under other limits. */
export function limitsTrialRoutes(app: HttpServer, { observer }: RouteContext): void {
  app.post(
    "/v1/queues/:queue/limits/try",
    {
      // The scope is "read", because a trial changes nothing although it is a POST.
      config: { scope: "read" },
      schema: {
        tags: [TAGS.queues],
        summary: "Try limits on recorded tasks",
        description:
          "Replays the newest completed tasks, at most 10,000, and those that wait now, under the limits of today and under those of the body. A limit that the body leaves out does not apply. Answers 409 if the queue keeps no completed task.",
        params: QueueParams,
        body: LimitsTryBody,
        response: { 200: LimitsTrialReply, ...PROBLEMS },
      },
    },
    async (request) => {
      const { limits, slots } = request.body;
      return observer.limits.try(request.params.queue, limits, { slots });
    },
  );
}

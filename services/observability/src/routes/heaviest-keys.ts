import { HeaviestKeysQuery, HeaviestKeysReply, QueueParams } from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** The route that lists the keys with the most tasks or the longest hold. */
export function heaviestKeysRoutes(app: HttpServer, { observer }: RouteContext): void {
  app.get(
    "/v1/queues/:queue/heaviest-keys",
    {
      schema: {
        tags: [TAGS.queues],
        summary: "The keys with the most tasks or the longest hold",
        description:
          "Covers keys that have waiting or running tasks, a hold, or a limit of their own. Reads up to 5,000 keys with waiting tasks, and searches up to 100,000 fields of the queue for the other keys.",
        params: QueueParams,
        querystring: HeaviestKeysQuery,
        response: { 200: HeaviestKeysReply, ...PROBLEMS },
      },
    },
    async (request) => observer.limits.heaviest(request.params.queue, request.query),
  );
}

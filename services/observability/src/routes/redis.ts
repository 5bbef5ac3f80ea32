import { RedisListReply } from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import type { RedisList } from "../several/redis-list.ts";
import { PROBLEMS, TAGS } from "./context.ts";

/** The route that lists the Redis servers of this process. Each of them has its own API below its path. */
export function redisRoutes(app: HttpServer, { list, name }: { list: RedisList; name: string }): void {
  app.get(
    "/v1/redis",
    {
      // This route answers before the first Redis has answered, so that people can switch to another one.
      config: { beforeKeys: true },
      schema: {
        tags: [TAGS.system],
        summary: "The Redis that this process shows, with their health",
        description: "The API of a further one is below its path: `/redis/<name>/v1/queues`.",
        response: { 200: RedisListReply, ...PROBLEMS },
      },
    },
    async ({ identity }) => ({ name, redis: list.views(identity) }),
  );
}

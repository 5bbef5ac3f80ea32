import { Type } from "typebox";
import { Count } from "./common.ts";

export const RedisViewSchema = Type.Object({
  name: Type.String(),
  path: Type.String({
    description:
      "The path of its dashboard and API below that of the first Redis: `redis/eu/`; empty for the first",
  }),
  isUp: Type.Boolean({ description: "Whether it answered the last time that it was sampled" }),
  onFire: Count("Queues with dead letters, or whose tasks wait without a worker; 0 if it does not answer"),
});
export type RedisView = Type.Static<typeof RedisViewSchema>;

export const RedisListReply = Type.Object({
  name: Type.String({ description: "The name of the Redis that this answer comes from" }),
  redis: Type.Array(RedisViewSchema, { description: "The first one is that of REDIS_URL" }),
});
export type RedisListReply = Type.Static<typeof RedisListReply>;

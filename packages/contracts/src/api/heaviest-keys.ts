import { Type } from "typebox";
import { LIMITS } from "../limits.ts";
import { Count, oneOf } from "./common.ts";
import { TaskKeySchema } from "./limits.ts";

export const HeaviestKeysQuery = Type.Object(
  {
    by: Type.Optional(
      oneOf(["waiting", "running", "heldUntil"], {
        default: "waiting",
        description: "The order: keys with the highest value come first",
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.scriptTasks, default: 20 })),
  },
  { additionalProperties: false },
);

export const HeaviestKeysReply = Type.Object({
  keys: Type.Array(TaskKeySchema),
  lookedAt: Count("Keys that were looked at"),
  isWhole: Type.Boolean({ description: "False: only some of the keys were read, so there may be others" }),
});

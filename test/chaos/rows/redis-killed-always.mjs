import { redisKilledRow } from "../harness/redis-killed.mjs";

export const row = redisKilledRow(8, "always");

import { redisKilledRow } from "../harness/redis-killed.mjs";

export const row = redisKilledRow(9, "everysec");

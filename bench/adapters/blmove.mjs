import { Redis } from "ioredis";

export const clientCalls = [[Redis.prototype, "sendCommand"]];

const BLOCK_SECONDS = 0.2;

/**
 * The reliable queue pattern of the Redis manual: BLMOVE moves a task into a list of running tasks, and LREM removes
 * it from there when it has ended.
 */
export async function open({ url, queue: name }) {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  const active = `${name}:active`;
  let completed = 0;
  return {
    one: (payload) => redis.rpush(name, JSON.stringify(payload)),
    bulk: (payloads) => redis.rpush(name, ...payloads.map((payload) => JSON.stringify(payload))),
    async worker({ concurrency, handler, onDone }) {
      const blocked = new Redis(url, { lazyConnect: true });
      await blocked.connect();
      let stopping = false;
      let ended;
      // All loops share one connection, so Redis answers their commands in the order in which they were sent.
      const run = async () => {
        while (!stopping) {
          const text = await blocked.blmove(name, active, "LEFT", "RIGHT", BLOCK_SECONDS);
          if (text === null) continue;
          await handler(JSON.parse(text));
          await redis.lrem(active, 1, text);
          completed++;
          onDone(false);
        }
      };
      return {
        start() {
          ended = Promise.all(Array.from({ length: concurrency }, run));
        },
        async stop() {
          stopping = true;
          // A disconnect ends all blocked calls at once. Otherwise they would end one after another.
          blocked.disconnect();
          await ended.catch(() => {});
        },
      };
    },
    counts: async () => ({
      waiting: await redis.llen(name),
      active: await redis.llen(active),
      completed,
      failed: 0,
    }),
    close: () => redis.quit(),
  };
}

import { Redis } from "ioredis";

export const clientCalls = [[Redis.prototype, "sendCommand"]];

const IDLE_MS = 1;

/** The fastest that Redis allows: RPUSH and LPOP with many payloads per call, without leases, acks or retries. */
export async function open({ url, queue: name }) {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  let completed = 0;
  return {
    one: (payload) => redis.rpush(name, JSON.stringify(payload)),
    bulk: (payloads) => redis.rpush(name, ...payloads.map((payload) => JSON.stringify(payload))),
    async worker({ concurrency, handler, onDone }) {
      const client = new Redis(url, { lazyConnect: true });
      await client.connect();
      let stopping = false;
      let ended;
      const run = async () => {
        while (!stopping) {
          const texts = await client.lpop(name, concurrency);
          if (texts === null) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
          else {
            await Promise.all(texts.map((text) => handler(JSON.parse(text))));
            completed += texts.length;
            for (const _ of texts) onDone(false);
          }
        }
      };
      return {
        start() {
          ended = run();
        },
        async stop() {
          stopping = true;
          await ended;
          client.disconnect();
        },
      };
    },
    counts: async () => ({ waiting: await redis.llen(name), active: 0, completed, failed: 0 }),
    close: () => redis.quit(),
  };
}

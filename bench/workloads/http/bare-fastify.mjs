// The fastest server that Fastify allows: default settings, and one LPUSH per POST. It only checks that the body is
// JSON.
import Fastify from "fastify";
import { Redis } from "ioredis";

const redis = new Redis(process.env.REDIS_URL);
const list = `${process.env.QUEUE_PREFIX}:tasks`;
const app = Fastify({ bodyLimit: 16 * 1_024 * 1_024 });

app.get("/readyz", async () => ({ ok: (await redis.ping()) === "PONG" }));
app.post("/v1/queues/:queue/tasks", async (request, reply) => {
  await redis.lpush(list, JSON.stringify(request.body));
  return reply.code(201).send({ ok: true });
});
app.post("/v1/queues/:queue/tasks/batch", async (request, reply) => {
  await redis.lpush(list, ...request.body.map((task) => JSON.stringify(task)));
  return reply.code(207).send({ ok: true });
});

process.once("SIGTERM", async () => {
  await app.close();
  await redis.quit();
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });

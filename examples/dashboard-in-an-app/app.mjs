// A shop that sends mails by tasks, in one process with its worker, its janitor and the dashboard.
import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import { mountDashboard } from "@holdfast/observability";
import Fastify from "fastify";
import { Queue, Worker } from "holdfast";

const redis = process.env.REDIS_URL || "redis://127.0.0.1:6379";
const app = Fastify();
await app.register(cookie);

// The app keeps its sessions in memory. `authorize` looks a session up each time, so a log-out also ends the live
// connection.
const sessions = new Map();
const users = { ada: { password: "lovelace", role: "admin" }, vera: { password: "rubin", role: "viewer" } };

app.post("/log-in", async (request, reply) => {
  const { name, password } = request.body;
  if (users[name]?.password !== password) return reply.code(401).send({ error: "wrong name or password" });
  const id = randomUUID();
  sessions.set(id, { label: name, role: users[name].role });
  return reply.setCookie("sid", id, { path: "/", httpOnly: true, sameSite: "strict" }).send({ name });
});
app.post("/log-out", async (request) => ({ loggedOut: sessions.delete(request.cookies.sid) }));

mountDashboard(app, {
  path: "/admin/queues",
  redis,
  authorize: (request) => sessions.get(request.cookies.sid),
  logger: app.log,
});

const mails = new Queue("mails", { redis });
const handlers = { welcome: (task) => ({ sentTo: task.payload.to }) };
const worker = new Worker("mails", handlers, { redis, janitor: true });
worker.on("error", (error) => app.log.error(error));

app.post("/customers", async (request, reply) => {
  const { id } = await mails.enqueue("welcome", { to: request.body.mail });
  return reply.code(202).send({ task: id });
});
// `app.close()` ends the dashboard as well.
app.addHook("onClose", () => Promise.all([worker.stop({ graceMs: 5_000 }), mails.close()]));

await worker.start();
console.log(`the shop is at ${await app.listen({ port: Number(process.env.PORT || 8080) })}`);
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => app.close());

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort, type ServiceProcess, startService, until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { authority } from "./certificates.ts";
import { folder, PREFIX, startSecuredRedis } from "./secured-redis.ts";

const root = resolve(import.meta.dirname, "../..");

test("all services work over TLS, each as its own user, and print no password", async () => {
  const home = folder();
  const ca = authority(home, "trusted");
  const certificate = { ...ca.issue("server", ["IP:127.0.0.1"]), caFile: ca.caFile };
  const redis = await startSecuredRedis([], certificate);
  const running: ServiceProcess[] = [];
  afterwards(() => Promise.all(running.map((service) => service.kill())));
  const start = (name: string, user: string, env: Record<string, string>) => {
    const service = startService(join(root, "services", name, "dist/main.js"), {
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: String(redis.port),
      REDIS_TLS_CA_FILE: ca.caFile,
      REDIS_USERNAME: user,
      REDIS_PASSWORD_FILE: join(redis.secrets, user),
      QUEUE_PREFIX: PREFIX,
      ...env,
    });
    running.push(service);
    return service;
  };
  const port = String(await freePort());
  const observed = String(await freePort());
  const working = String(await freePort());
  start("producer-api", "producer", { PORT: port });
  start("worker-api", "worker-api", { WORKER_API_PORT: working });
  start("observability", "observer", { OBSERVABILITY_PORT: observed });
  start("worker", "worker", { METRICS_PORT: String(await freePort()), LEASE_MS: "1000" });
  start("janitor", "janitor", { METRICS_PORT: String(await freePort()), AUDIT_INTERVAL_MS: "1" });
  const ok = (url: string) =>
    fetch(url).then(
      (response) => response.ok,
      () => false,
    );
  for (const one of [port, observed, working])
    await until(`${one} is ready`, () => ok(`http://127.0.0.1:${one}/readyz`), 20_000);

  const tasks = `http://127.0.0.1:${port}/v1/queues/default/tasks`;
  const enqueue = (body: object) =>
    fetch(tasks, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect((await enqueue({ type: "demo.echo", id: "a", payload: 1 })).status).toBe(201);
  expect(
    (await enqueue({ type: "demo.flaky", id: "b", payload: { failRate: 1 }, maxRetries: 0 })).status,
  ).toBe(201);
  expect(await (await fetch(`${tasks}/a?waitMs=10000`)).json()).toMatchObject({ state: "completed" });
  expect(await (await fetch(`${tasks}/b?waitMs=10000`)).json()).toMatchObject({ state: "dead" });
  expect((await enqueue({ type: "remote", id: "c", payload: 1 })).status).toBe(201);
  const work = (path: string, body: object) =>
    fetch(`http://127.0.0.1:${working}/v1/queues/default/work/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ workerId: "w", ...body }),
    }).then((answer) => answer.json() as Promise<{ tasks: { token: string }[] }>);
  let requestId = 0;
  const taken: { token: string }[] = [];
  // The worker may be granted the task first. It hands the task back, because it has no handler for this type.
  await until("the remote worker has the task", async () => {
    const asked = { requestId: ++requestId, want: 1, types: ["remote"], waitMs: 1_000 };
    taken.push(...(await work("acquire", asked)).tasks);
    return taken.length > 0;
  });
  const verdicts = [{ id: "c", token: taken[0]?.token, verdict: "complete" }];
  expect(await work("settle", { requestId: ++requestId, verdicts })).toMatchObject({ outcomes: ["acked"] });
  const view = (path: string) =>
    fetch(`http://127.0.0.1:${observed}/v1/${path}`).then((answer) => answer.json());
  expect(await view("queues/default")).toMatchObject({ completed: 2, dead: 1 });
  expect(await view("workers")).toMatchObject({ workers: [{ state: "running" }, { state: "running" }] });
  for (const one of [port, observed, working]) expect(await ok(`http://127.0.0.1:${one}/metrics`)).toBe(true);
  expect(await redis.admin.acl("LOG")).toEqual([]);

  const stranger = authority(home, "other");
  const refused = start("janitor", "janitor", {
    METRICS_PORT: String(await freePort()),
    REDIS_TLS_CA_FILE: stranger.caFile,
  });
  await refused.says("REDIS_TLS_CA_FILE");
  const wrong = start("janitor", "janitor", {
    METRICS_PORT: String(await freePort()),
    REDIS_PASSWORD_FILE: join(redis.secrets, "worker"),
  });
  await wrong.says("REDIS_PASSWORD");

  const output = running.map((service) => service.output()).join("\n");
  const passwords = readdirSync(redis.secrets).map((user) =>
    readFileSync(join(redis.secrets, user), "utf8").trim(),
  );
  expect(passwords).toHaveLength(7);
  expect(passwords.filter((password) => output.includes(password))).toEqual([]);
});

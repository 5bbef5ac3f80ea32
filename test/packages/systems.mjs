import { freePort } from "../chaos/harness/ports.mjs";
import { Child } from "../chaos/harness/processes.mjs";
import { until } from "../chaos/harness/until.mjs";
import { expectSame } from "./expect-same.mjs";

const SERVICES = ["producer-api", "worker-api", "dispatcher", "worker", "janitor", "observability"];

/** Starts the services from their tarballs, runs a task through them, and ends them. */
export async function checkServices({ tools, redis, track, prefix }) {
  const names = ["cli", ...SERVICES].map((name) => `holdfast-${name}`);
  tools.folder("services", { private: true });
  await tools.npm("services", ...names.map((name) => tools.tarball(name)));
  const ports = Object.fromEntries(await Promise.all(SERVICES.map(async (name) => [name, await freePort()])));
  const bin = (name) => tools.path("services/node_modules/.bin", name);
  const started = SERVICES.map((name) => {
    const port = String(ports[name]);
    const env = {
      REDIS_URL: redis,
      QUEUE_PREFIX: prefix,
      PORT: port,
      METRICS_PORT: port,
      WORKER_API_PORT: port,
      DISPATCHER_PORT: port,
      OBSERVABILITY_PORT: port,
    };
    const folder = tools.path("services");
    return track(new Child(bin(`holdfast-${name}`), [], { folder, label: name, env, cwd: folder }));
  });
  const get = (name, path, options) => fetch(`http://127.0.0.1:${ports[name]}${path}`, options);
  for (const [at, name] of SERVICES.entries())
    await until(
      `${name} is ready`,
      async () => {
        if (!started[at].running) throw new Error(`${name} ended: ${started[at].complaint()}`);
        return (await get(name, "/readyz").catch(() => null))?.ok === true;
      },
      120_000,
    );

  const args = ["enqueue", "default", "demo.echo", '{"n":1}', "--id", "packed-1", "--wait", "20s"];
  const env = { REDIS_URL: redis, QUEUE_PREFIX: prefix };
  await tools.run("services", bin("holdfast"), args, env);
  const { stdout } = await tools.run(
    "services",
    bin("holdfast"),
    ["task", "get", "default", "packed-1", "--json"],
    env,
  );
  expectSame(JSON.parse(stdout).state, "completed", "the state of the task by the command");
  const body = JSON.stringify({ type: "demo.echo", payload: { n: 2 }, id: "packed-2" });
  const headers = { "content-type": "application/json" };
  const posted = await get("producer-api", "/v1/queues/default/tasks", { method: "POST", headers, body });
  if (!posted.ok) throw new Error(`producer-api answered ${posted.status}: ${await posted.text()}`);
  await until("the observability API shows the task as completed", async () => {
    const seen = await get("observability", "/v1/queues/default/tasks/packed-2");
    return seen.ok && (await seen.json()).state === "completed";
  });
  const page = await (await get("observability", "/")).text();
  if (!/<script[^>]+src="[^"]*assets\//.test(page))
    throw new Error(`the dashboard is not served: ${page.slice(0, 300)}`);

  for (const [at, child] of started.entries()) {
    const { code } = await child.kill("SIGTERM");
    expectSame(code, 0, `the exit code of ${SERVICES[at]} after SIGTERM`);
  }
}

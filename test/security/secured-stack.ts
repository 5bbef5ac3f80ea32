import { join, resolve } from "node:path";
import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { Holdfast } from "holdfast";

const root = resolve(import.meta.dirname, "../..");

export interface Operation {
  service: string;
  base: string;
  method: string;
  path: string;
  scope: string | undefined;
  bodySchema: Record<string, unknown> | undefined;
  querySchema: Record<string, Record<string, unknown>>;
}

export interface SecuredStack {
  redis: RedisServer;
  client: Holdfast;
  api: string;
  observability: string;
  workerApi: string;
  processes: Record<string, ServiceProcess>;
  /** Makes a key. Resolves when every service knows the key. */
  key(spec: Partial<NewKey>): Promise<{ id: string; text: string }>;
  /** Returns every operation in the API descriptions. */
  operations(): Promise<Operation[]>;
  /** Starts another service. */
  start(name: string, env: Record<string, string>): ServiceProcess;
  stop(): Promise<void>;
}

interface Described {
  paths: Record<
    string,
    Record<
      string,
      {
        "x-scope"?: string;
        requestBody?: { content: Record<string, { schema: Record<string, unknown> }> };
        parameters?: { in: string; name: string; schema: Record<string, unknown> }[];
      }
    >
  >;
}

/** Starts producer-api, worker-api and observability as processes, with API keys in Redis. */
export async function startSecuredStack(
  options: { redisArgs?: string[]; env?: Record<string, string>; password?: string } = {},
): Promise<SecuredStack> {
  const redis = await startRedisServer(options.redisArgs ?? []);
  const { env = {}, password } = options;
  const client = new Holdfast({ redis: { url: redis.url, ...(password === undefined ? {} : { password }) } });
  await client.check();
  const [port, observed, working] = [await freePort(), await freePort(), await freePort()];
  const processes: Record<string, ServiceProcess> = {};
  const start: SecuredStack["start"] = (name, more) => {
    const service = startService(join(root, "services", name, "dist/main.js"), {
      REDIS_URL: redis.url,
      ...(password === undefined ? {} : { REDIS_PASSWORD: password }),
      ...env,
      ...more,
    });
    processes[name] = service;
    return service;
  };
  const api = `http://127.0.0.1:${port}`;
  const observability = `http://127.0.0.1:${observed}`;
  const workerApi = `http://127.0.0.1:${working}`;
  const admin = mintKey({ label: "first", scopes: ["admin"] });
  await new KeyStore(client).add(admin.key);
  start("producer-api", { PORT: String(port) });
  start("worker-api", { WORKER_API_PORT: String(working) });
  start("observability", { OBSERVABILITY_PORT: String(observed), DASHBOARD_DIR: "/nonexistent" });
  const knows = (base: string, path: string, text: string, method = "GET") =>
    fetch(base + path, { method, headers: { authorization: `Bearer ${text}` } }).then(
      ({ status }) => status !== 401 && status !== 503,
      () => false,
    );
  const known = async (text: string, deadlineMs?: number) => {
    await until("producer-api knows the key", () => knows(api, "/v1/queues/q/tasks/x", text), deadlineMs);
    const acquire = "/v1/queues/q/work/acquire";
    await until("worker-api knows the key", () => knows(workerApi, acquire, text, "POST"), deadlineMs);
    await until("observability knows the key", () => knows(observability, "/v1/queues", text), deadlineMs);
  };
  try {
    await known(admin.text, 120_000);
  } catch (error) {
    // If the start fails, the caller gets no stack that it could stop. So everything is stopped here.
    await Promise.all(Object.values(processes).map((service) => service.kill()));
    await client.close();
    await redis.stop();
    const said = Object.entries(processes).map(([name, service]) => `${name}:\n${service.output()}`);
    throw new Error(`${(error as Error).message}\n${said.join("\n")}`);
  }
  return {
    redis,
    client,
    api,
    observability,
    workerApi,
    processes,
    start,
    async key(spec) {
      const { key, text } = mintKey({ label: "test", scopes: ["read"], ...spec });
      await new KeyStore(client).add(key);
      await known(text, 10_000);
      return { id: key.id, text };
    },
    async operations() {
      const found: Operation[] = [];
      for (const [service, base] of Object.entries({
        "producer-api": api,
        "worker-api": workerApi,
        observability,
      })) {
        const { paths } = (await (await fetch(`${base}/openapi.json`)).json()) as Described;
        for (const [path, methods] of Object.entries(paths)) {
          for (const [method, operation] of Object.entries(methods)) {
            const query = (operation.parameters ?? []).filter((parameter) => parameter.in === "query");
            found.push({
              service,
              base,
              method: method.toUpperCase(),
              path,
              scope: operation["x-scope"],
              bodySchema: operation.requestBody?.content["application/json"]?.schema,
              querySchema: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
            });
          }
        }
      }
      return found;
    },
    async stop() {
      await Promise.all(Object.values(processes).map((service) => service.kill()));
      await client.close();
      await redis.stop();
    },
  };
}

import { resolve } from "node:path";
import { HoldfastError } from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { DevChildren } from "../dev-system/children.ts";
import { DevFolder } from "../dev-system/folder.ts";
import { freePort, givenPort } from "../dev-system/ports.ts";
import { startRedis } from "../dev-system/redis.ts";
import { type ServiceName, startServices } from "../dev-system/services.ts";
import { printable } from "../output.ts";
import { parseWhole } from "../values.ts";

interface DevOptions {
  data: string;
  demo: boolean;
  port?: number;
  apiPort?: number;
}

interface FoundRedis {
  /** The variables that tell the services where this Redis is. */
  env: NodeJS.ProcessEnv;
  where: string;
  how: string;
  /** The options with which a command in another terminal reaches this Redis; an empty text if it needs none. */
  option: string;
}

interface Addresses {
  dashboard: string;
  api: string;
  redis: FoundRedis;
}

/**
 * If one of these variables is set, the user has a Redis already. REDIS_PORT alone is not enough: it only sets the
 * port for the Redis that this command starts, as in `make up`.
 */
const NAMES = ["REDIS_URL", "REDIS_URL_FILE", "REDIS_HOST", "REDIS_SENTINELS", "REDIS_CLUSTER_NODES"];
const REMEDY =
  "the PATH has neither redis-server nor valkey-server, and neither docker nor podman answers: install one of them (apt install redis-server, brew install redis), or name a Redis with --redis or REDIS_URL";
const DASHBOARD_PORT = 3_001;
const API_PORT = 3_000;
const REDIS_PORT = 6_379;
const HELP = `
Redis is the one that --redis or the variables name, or one that answers at 127.0.0.1:6379 (REDIS_PORT). If there is none,
this command starts redis-server or valkey-server of the PATH, or else a container with docker or podman. Such a Redis
keeps its tasks when it ends. HANDLERS=<module or folder> and QUEUES=<names> run your handlers instead of the demo.`;

export function devCommand(program: Command, action: Action): void {
  const port = (flags: string, description: string) =>
    new Option(flags, description).argParser(parseWhole(1, 65_535));
  program
    .command("dev")
    .addOption(port("--port <n>", `port of the dashboard (default: ${DASHBOARD_PORT}, or a free one)`))
    .addOption(port("--api-port <n>", `port of producer-api (default: ${API_PORT}, or a free one)`))
    .option("--no-demo", "start no worker, because yours run elsewhere")
    .option("--data <folder>", "where a Redis that this command starts keeps its data", ".holdfast")
    .description("runs a whole system for development until Ctrl-C: Redis, services, dashboard, demo worker")
    .addHelpText("after", HELP)
    .action(
      action<DevOptions>(async (context, _args, options) => {
        const folder = await DevFolder.claim(resolve(options.data));
        const children = new DevChildren();
        try {
          const addresses = await startSystem(context, children, folder, options);
          await tell(context, addresses, options);
          await untilEnd(context, children);
        } finally {
          await children.stop();
          folder.release();
        }
      }),
    );
}

async function startSystem(
  context: Context,
  children: DevChildren,
  folder: DevFolder,
  { port, apiPort, demo }: DevOptions,
): Promise<Addresses> {
  const ports = {
    observability: await (port === undefined ? freePort(DASHBOARD_PORT) : givenPort(port, "--port")),
    "producer-api": await (apiPort === undefined ? freePort(API_PORT) : givenPort(apiPort, "--api-port")),
  };
  const redis = await findRedis(context, children, folder);
  const own = {
    QUEUE_PREFIX: context.prefix,
    LOG_LEVEL: "warn",
    HOST: "127.0.0.1",
    SHUTDOWN_GRACE_MS: "1500",
  };
  const names: ServiceName[] = ["janitor", "producer-api", "observability"];
  if (demo) names.push("worker");
  const env = { QUEUES: "default,demo", ...redis.env, ...own };
  await startServices(children, names, ports, env, context.io.signal);
  const dashboard = `http://127.0.0.1:${ports.observability}`;
  folder.record({ dashboard });
  return { dashboard, api: `http://127.0.0.1:${ports["producer-api"]}`, redis };
}

/** @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported */
async function findRedis(context: Context, children: DevChildren, folder: DevFolder): Promise<FoundRedis> {
  const { given, io, where, out } = context;
  try {
    await context.checked();
    const found = { where, how: "it was already running" };
    if (given === undefined) return { ...found, env: io.env, option: "" };
    const option = new URL(given).password === "" ? `--redis ${given} ` : "";
    return { ...found, env: { ...without(io.env, isAddress), REDIS_URL: given }, option };
  } catch (error) {
    const isNamed = given !== undefined || NAMES.some((name) => Boolean(io.env[name]));
    if (isNamed || !(error instanceof HoldfastError) || error.code !== "redis_unavailable") throw error;
  }
  const { env, signal } = io;
  const say = (text: string) => out.say(text);
  const wanted = Number(env.REDIS_PORT || REDIS_PORT);
  const started = await startRedis({ children, folder, env, port: wanted, signal, say });
  if (started === null)
    throw new HoldfastError("redis_unavailable", `no Redis answers at ${where}, ${REMEDY}`);
  const { child, port, how } = started;
  const url = `redis://127.0.0.1:${port}`;
  if (child.pid !== undefined) folder.record({ redis: child.pid });
  return {
    where: `127.0.0.1:${port}`,
    how,
    env: { ...without(env, isOfRedis), REDIS_URL: url },
    option: port === wanted ? "" : `--redis ${url} `,
  };
}

const isAddress = (name: string) => name === "REDIS_PORT" || NAMES.includes(name);
const isOfRedis = (name: string) => name.startsWith("REDIS_");
const without = (env: NodeJS.ProcessEnv, isLeftOut: (name: string) => boolean) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !isLeftOut(name)));

async function tell(
  { out, io, prefix }: Context,
  { dashboard, api, redis }: Addresses,
  { demo }: DevOptions,
): Promise<void> {
  // This request has no API key. It is answered 401 only if Redis has API keys, and then the user is told to log in.
  const { status } = await fetch(`${dashboard}/v1/queues`, { signal: io.signal });
  const options = `${redis.option}${prefix === "queue" ? "" : `--prefix ${prefix} `}`;
  const [logIn, header] =
    status === 401
      ? [
          `log in with an API key of this Redis: npx holdfast ${options}key create --label me --scope admin`,
          `-H "authorization: Bearer $HOLDFAST_API_KEY" `,
        ]
      : ["no log-in is needed on this machine", ""];
  const handlers = io.env.HANDLERS ? `the handlers of ${io.env.HANDLERS}` : "the demo handlers";
  const worker = demo
    ? `${handlers}, on the queues ${io.env.QUEUES || "default,demo"}`
    : "none, because of --no-demo";
  for (const line of [
    `Dashboard  ${dashboard} (${logIn})`,
    `HTTP API   ${api}/docs`,
    `Redis      ${redis.where} (${redis.how})`,
    `Worker     ${worker}`,
    "",
    "Send a task from another terminal, and find it in the dashboard:",
    `  curl ${api}/v1/queues/default/tasks ${header}-H 'content-type: application/json' -d '{"type":"demo.echo","payload":"hello"}'`,
    `  npx holdfast ${options}enqueue default demo.echo '"hello"' --wait 10s`,
    "",
    "Next: npx holdfast init my-app writes a worker of your own. Ctrl-C ends all of this.",
  ])
    out.line(printable(line));
}

/** Waits for Ctrl-C. @throws Error if one of the processes ends before Ctrl-C */
async function untilEnd({ io }: Context, children: DevChildren): Promise<void> {
  const interrupted = new Promise<null>((done) => {
    if (io.signal.aborted) done(null);
    io.signal.addEventListener("abort", () => done(null), { once: true });
  });
  const ends = children.all
    .filter((child) => child.isRunning)
    .map(async (child) => `${child.name} ended: ${await child.ended}`);
  const why = await Promise.race([interrupted, ...ends]);
  if (why !== null) throw new Error(why);
}

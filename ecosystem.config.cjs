// The services under PM2, on one machine, without Docker: `pm2 start ecosystem.config.cjs` after
// `pnpm install && pnpm run build`, with a Redis on 127.0.0.1:6379. `make up` does all of that.
//
// Every setting of .env.example can be given in the environment. HOLDFAST_WORKERS and HOLDFAST_JANITORS say
// how many of each (2); `pm2 scale holdfast-worker 8` changes it later.
//
// HOLDFAST_SECRETS is the folder with keys and passwords that `make up` made; without it there are none, and the services
// listen on loopback for everyone. HOLDFAST_REDIS_USERS=1: Redis has the users of that folder.

const setting = (name, fallback) => process.env[name] || fallback;
const secrets = setting("HOLDFAST_SECRETS", "");

/** What a service is given of the secrets. An empty variable counts as absent: those of the caller's shell do not count. */
const access = (name, redisUser) => {
  if (secrets === "") return {};
  const http = {
    "producer-api": { API_KEYS_FILE: `${secrets}/own/api-keys.json` },
    observability: {
      API_KEYS_FILE: `${secrets}/own/api-keys.json`,
      SESSION_SECRET_FILE: `${secrets}/observability/session-secret`,
    },
  };
  if (setting("HOLDFAST_REDIS_USERS", "") === "") return http[name] ?? {};
  return {
    ...http[name],
    REDIS_USERNAME: redisUser,
    REDIS_PASSWORD: "",
    REDIS_PASSWORD_FILE: `${secrets}/${name}/redis-password`,
    REDIS_TLS_CA_FILE: setting("HOLDFAST_TLS", "") === "" ? "" : `${secrets}/${name}/ca.crt`,
  };
};
const graceMs = Number(setting("SHUTDOWN_GRACE_MS", 25_000));

const service = (name, redisUser, options) => ({
  name: `holdfast-${name}`,
  cwd: __dirname,
  script: `services/${name}/dist/main.js`,
  node_args: "--enable-source-maps",
  // Not cluster mode: a worker needs no shared socket, and each has a metrics port of its own.
  exec_mode: "fork",
  instances: 1,
  // The service says "ready" once Redis answered and its port is open.
  wait_ready: true,
  listen_timeout: 15_000,
  // Above the grace: a worker hands its tasks back before PM2 would kill it.
  kill_timeout: graceMs + 10_000,
  exp_backoff_restart_delay: 100,
  // PM2 keeps the environment that it was called with: the key of a person is not for it.
  filter_env: ["HOLDFAST_API_KEY"],
  ...options,
  env: { NODE_ENV: "production", ...access(name, redisUser), ...options.env },
});

module.exports = {
  apps: [
    service("producer-api", "producer", { env: { PORT: setting("PORT", "3000") } }),
    service("observability", "observer", {
      env: { OBSERVABILITY_PORT: setting("OBSERVABILITY_PORT", "3001") },
    }),
    service("worker", "worker", {
      instances: Number(setting("HOLDFAST_WORKERS", 2)),
      // 9464, 9465, and so on: the worker adds the instance number that PM2 gives it.
      env: { METRICS_PORT: setting("METRICS_PORT", "9464"), QUEUES: setting("QUEUES", "default,demo") },
    }),
    service("janitor", "janitor", {
      instances: Number(setting("HOLDFAST_JANITORS", 2)),
      // 200 above the workers: room for as many of them.
      env: { METRICS_PORT: String(Number(setting("METRICS_PORT", "9464")) + 200) },
    }),
    // To PM2 no instances are as many as there are cores.
  ].filter(({ instances }) => instances > 0),
};

// Runs the services under PM2, on one machine and without Docker. Needs a Redis on 127.0.0.1:6379:
//   pnpm install && pnpm run build && pm2 start ecosystem.config.cjs
// `make up` does all of this.
//
// Every setting of .env.example can be set in the environment. HOLDFAST_WORKERS and HOLDFAST_JANITORS are the numbers
// of processes, 2 by default. `pm2 scale holdfast-worker 8` changes the number later.
//
// HOLDFAST_SECRETS is the folder of keys and passwords that `make up` has made. Without it there are no keys, and the
// services listen on loopback and serve everyone. HOLDFAST_REDIS_USERS=1 means that Redis has the users of that
// folder.

const setting = (name, fallback) => process.env[name] || fallback;
const secrets = setting("HOLDFAST_SECRETS", "");

/**
 * Returns the environment variables for the secrets of a service. An empty variable counts as not set. It hides a
 * variable of the same name in the caller's shell.
 */
const access = (name, redisUser) => {
  if (secrets === "") return {};
  const http = {
    "producer-api": { API_KEYS_FILE: `${secrets}/own/api-keys.json` },
    "worker-api": { API_KEYS_FILE: `${secrets}/own/api-keys.json` },
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
  // PM2's cluster mode is not used, because workers share no socket, and each has its own metrics port.
  exec_mode: "fork",
  instances: 1,
  // The service sends "ready" once Redis has answered and its port is open.
  wait_ready: true,
  listen_timeout: 15_000,
  // This is longer than the grace period, so that a worker can hand back its tasks before PM2 kills it.
  kill_timeout: graceMs + 10_000,
  exp_backoff_restart_delay: 100,
  // PM2 keeps the environment of its caller. A person's API key must not become part of it.
  filter_env: ["HOLDFAST_API_KEY"],
  ...options,
  env: { NODE_ENV: "production", ...access(name, redisUser), ...options.env },
});

module.exports = {
  apps: [
    service("producer-api", "producer", { env: { PORT: setting("PORT", "3000") } }),
    service("worker-api", "worker-api", { env: { WORKER_API_PORT: setting("WORKER_API_PORT", "3002") } }),
    service("observability", "observer", {
      env: { OBSERVABILITY_PORT: setting("OBSERVABILITY_PORT", "3001") },
    }),
    service("worker", "worker", {
      instances: Number(setting("HOLDFAST_WORKERS", 2)),
      // A worker adds its PM2 instance number to this port: 9464, 9465, and so on.
      env: { METRICS_PORT: setting("METRICS_PORT", "9464"), QUEUES: setting("QUEUES", "default,demo") },
    }),
    service("janitor", "janitor", {
      instances: Number(setting("HOLDFAST_JANITORS", 2)),
      // The ports of janitors are 200 above those of workers, so there can be 200 workers.
      env: { METRICS_PORT: String(Number(setting("METRICS_PORT", "9464")) + 200) },
    }),
    service("dispatcher", "dispatcher", {
      // The dispatcher has nothing to do without a file of endpoints.
      instances: setting("ENDPOINTS_FILE", "") === "" ? 0 : 1,
      env: { DISPATCHER_PORT: setting("DISPATCHER_PORT", "3003") },
    }),
    // Services with 0 instances are left out, because for PM2 0 means one per core.
  ].filter(({ instances }) => instances > 0),
};

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

/**
 * The environment variables for the secrets of a service. Empty variables count as missing, so that those of the
 * caller's shell do not apply.
 */
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
  // Not cluster mode: a worker needs no shared socket, and each one has its own metrics port.
  exec_mode: "fork",
  instances: 1,
  // The service sends "ready" when Redis has answered and its port is open.
  wait_ready: true,
  listen_timeout: 15_000,
  // More than the grace, so that a worker hands its tasks back before PM2 kills it.
  kill_timeout: graceMs + 10_000,
  exp_backoff_restart_delay: 100,
  // PM2 keeps the environment of its caller, which must not include a person's key.
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
      // 9464, 9465, and so on: the worker adds its instance number from PM2.
      env: { METRICS_PORT: setting("METRICS_PORT", "9464"), QUEUES: setting("QUEUES", "default,demo") },
    }),
    service("janitor", "janitor", {
      instances: Number(setting("HOLDFAST_JANITORS", 2)),
      // 200 above the workers, which leaves room for as many of them.
      env: { METRICS_PORT: String(Number(setting("METRICS_PORT", "9464")) + 200) },
    }),
    // For PM2, 0 instances means one per core.
  ].filter(({ instances }) => instances > 0),
};

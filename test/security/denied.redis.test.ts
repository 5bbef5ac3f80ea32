import type { AuditRecord } from "@holdfast/contracts/api";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { Holdfast } from "holdfast";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { isSince72, PREFIX, type SecuredRedis, startSecuredRedis, template } from "./secured-redis.ts";

const ROLES = ["producer", "worker", "worker-api", "dispatcher", "janitor", "observer"] as const;
/** Redis allows these commands to every user, because they are needed for a log-in. */
const ALWAYS = ["auth", "hello", "quit", "reset"];
const refusal = expect.stringMatching(/^NOPERM/);
/** Matches a refusal inside a script: by Redis 7.0, by later versions, and for commands that no script may call. */
const refusalInScript = expect.stringMatching(
  /The user executing the script can't|ACL failure in script|not allowed from script/,
);

/** Returns the commands that an ACL template allows. */
function allowedBy(role: string): string[] {
  const lines = template(role)
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .flatMap((line) => (line.startsWith("7.2: ") ? (isSince72 ? [line.slice(5)] : []) : [line]));
  return (
    lines
      .join(" ")
      .split(" ")
      .filter((word) => word.startsWith("+"))
      // A selector (a narrower rule in brackets) ends with a bracket, which comes after its last command.
      .map((word) => word.slice(1).replace(")", ""))
  );
}

type CommandInfo = [name: string, arity: number, ...unknown: unknown[]];

/**
 * Returns every command of this Redis, each with enough arguments for a call. Subcommands are named
 * `container|command`.
 */
async function allCommands(admin: Redis): Promise<Map<string, string[]>> {
  const all = new Map<string, string[]>();
  const add = ([name, arity]: CommandInfo) => {
    const words = name.split("|");
    all.set(name, [...words, ...Array(Math.max(0, Math.abs(arity) - words.length)).fill("1")]);
  };
  for (const info of (await admin.call("COMMAND")) as CommandInfo[]) {
    const subcommands = (info[9] ?? []) as CommandInfo[];
    // A command with subcommands, such as CONFIG, can be called only with a subcommand.
    if (subcommands.length === 0) add(info);
    for (const subcommand of subcommands) add(subcommand);
  }
  return all;
}

async function as(redis: SecuredRedis, user: string): Promise<Redis> {
  const client = new Redis({
    port: redis.port,
    username: user,
    password: redis.password(user),
    protocol: 2,
    disableClientInfo: true,
  });
  client.on("error", () => {});
  afterwards(async () => client.disconnect());
  return client;
}

const answer = (client: Redis, [name = "", ...args]: readonly string[]) =>
  client.call(name, ...args).then(
    (reply) => `allowed: ${String(reply)}`,
    (error: Error) => error.message,
  );

test.each(ROLES)("of all Redis commands, %s may run only those in its template", async (role) => {
  const { admin } = await startSecuredRedis();
  const commands = await allCommands(admin);
  expect(commands.size).toBeGreaterThan(300);
  const allowed: string[] = [];
  for (const [name, words] of commands) {
    const verdict = String(await admin.call("ACL", "DRYRUN", role, ...words));
    // Any other error is about keys or channels. So the role may call the command.
    if (!verdict.includes("no permissions to run")) allowed.push(name);
  }
  expect(allowed.filter((name) => !ALWAYS.includes(name)).sort()).toEqual(
    [...new Set(allowedBy(role))].sort(),
  );
});

const DANGEROUS = [
  "FLUSHALL|FLUSHDB|SWAPDB 0 1|KEYS *|SCAN 0|RANDOMKEY|DBSIZE|SHUTDOWN NOSAVE|SAVE|BGSAVE|BGREWRITEAOF",
  "CONFIG GET *|CONFIG SET maxmemory 1|CONFIG REWRITE|ACL LIST|ACL SETUSER x|ACL WHOAMI|MODULE LIST",
  "SCRIPT FLUSH|SCRIPT KILL|FUNCTION FLUSH|CLIENT LIST|CLIENT KILL TYPE normal|REPLICAOF NO ONE|FAILOVER|MONITOR",
  "SLOWLOG GET|LATENCY RESET|MEMORY DOCTOR|CLUSTER RESET|PSYNC ? -1|SUBSCRIBE x|PSUBSCRIBE *|PUBLISH x y|MULTI",
  "GET k|SET k v|DEL k|RENAME k l|COPY k l|DUMP k|RESTORE k 0 x|MIGRATE 127.0.0.1 1 k 0 1|SORT k|OBJECT ENCODING k",
]
  .join("|")
  .split("|");

/** For each role, some keys and channels that it does not need. */
const NOT_ITS_OWN: Record<(typeof ROLES)[number], string[]> = {
  producer: ["{work}:completed", "{work}:remembered", "{work}:stale_verdicts", "{:system}:workers"],
  worker: ["{work}:else", "{:system}:keys"],
  "worker-api": ["{work}:else", "{:system}:schedules"],
  dispatcher: ["{work}:else", "{:system}:keys"],
  janitor: ["{work}:stale_verdicts", "{:system}:keys"],
  observer: ["{work}:else"],
};

test.each(ROLES)(
  "%s may not send dangerous commands or use other keys and channels, also not in scripts",
  async (role) => {
    const redis = await startSecuredRedis();
    const client = await as(redis, role);
    const run = (script: string, ...keys: string[]) =>
      answer(client, ["EVAL", script, String(keys.length), ...keys]);
    const call = (words: readonly string[]) =>
      `return redis.call(${words.map((word) => `'${word}'`).join(",")})`;
    for (const command of DANGEROUS) {
      const words = command.split(" ");
      expect.soft(await answer(client, words), command).toEqual(refusal);
      if (!/^(MONITOR|.?SUBSCRIBE|PSYNC|MULTI|SHUTDOWN|SAVE|BGSAVE)/.test(command))
        expect.soft(await run(call(words)), `${command} in a script`).toEqual(refusalInScript);
    }
    const foreign = [
      "other:{work}:state",
      "state",
      `x${PREFIX}:{work}:state`,
      `${PREFIX}:{:system}:else`,
      ...NOT_ITS_OWN[role].map((key) => `${PREFIX}:${key}`),
    ];
    for (const key of foreign) {
      expect.soft(await answer(client, ["HGET", key, "f"]), key).toEqual(refusal);
      expect.soft(await answer(client, ["HSET", key, "f", "v"]), key).toEqual(refusal);
      expect.soft(await run(call(["HGET", key, "f"])), `${key} in a script`).toEqual(refusalInScript);
      expect.soft(await run("return 1", key), `${key} as a key of a script`).toEqual(refusal);
    }
    expect(await redis.admin.dbsize()).toBe(0);
    for (const channel of ["other:{work}:wake", `${PREFIX}:{work}:else`, "wake"])
      for (const command of ["SPUBLISH", "SSUBSCRIBE"])
        expect.soft(await answer(client, [command, channel, "x"]), `${command} ${channel}`).toEqual(refusal);
    const wake = `${PREFIX}:{work}:wake:w1`;
    if (!role.startsWith("worker") && role !== "dispatcher")
      expect(await answer(client, ["SSUBSCRIBE", wake])).toEqual(refusal);
    // The role may use its own keys and channels. So the commands above were refused because of their keys and
    // channels.
    if (role !== "janitor")
      expect(await answer(client, ["SISMEMBER", `${PREFIX}:{:system}:queues`, "q"])).toBe("allowed: 0");
    expect(await answer(client, ["HGET", `${PREFIX}:{work}:state`, "f"])).toBe("allowed: null");
    expect(await run(call(["SPUBLISH", wake, "x"]))).toBe("allowed: 0");
  },
);

test.each(ROLES)("the user %s cannot make API keys, which only admin may do", async (role) => {
  const redis = await startSecuredRedis();
  const client = new Holdfast({ redis: redis.url(role), prefix: PREFIX });
  const admin = new Holdfast({ redis: redis.url("admin"), prefix: PREFIX });
  afterwards(() => client.close());
  afterwards(() => admin.close());
  const { key } = mintKey({ label: "mine", scopes: ["admin"] });
  await new KeyStore(admin).add(key);
  await expect(new KeyStore(client).add({ ...key, id: "a".repeat(12) })).rejects.toThrow(
    /NOPERM|permission|ACL/i,
  );
  await expect(new KeyStore(client).revoke(key.id)).rejects.toThrow(/NOPERM|permission|ACL/i);
  const hash = `${PREFIX}:{:system}:keys`;
  for (const command of [`HSET ${hash} x y`, `HDEL ${hash} x`, `DEL ${hash}`, `RENAME ${hash} x`])
    expect.soft(await answer(await as(redis, role), command.split(" ")), command).toEqual(refusal);
  const seen = await new KeyStore(client).list().catch((error: Error) => error.message);
  const listed = [{ ...key, lastUsedAt: null }];
  expect(seen).toEqual(
    ["producer", "worker-api", "observer"].includes(role)
      ? listed
      : expect.stringMatching(/NOPERM|permission|ACL/i),
  );
  expect(await new KeyStore(admin).list()).toEqual(listed);
});

test("Redis answers no command without a password", async () => {
  const redis = await startSecuredRedis();
  const client = new Redis({
    port: redis.port,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
  });
  client.on("error", () => {});
  afterwards(async () => client.disconnect());
  for (const words of [["PING"], ["INFO"], ["GET", "k"], ["EVAL", "return 1", "0"]])
    expect(await answer(client, words)).toMatch(/^NOAUTH/);
  expect(await answer(client, ["AUTH", "default", ""])).toMatch(/^WRONGPASS/);
  expect(await answer(client, ["AUTH", "producer", redis.password("worker")])).toMatch(/^WRONGPASS/);
});

const RECORD: AuditRecord = {
  ...{ at: 1, actor: "ops", keyId: null, role: "admin", from: "::1", action: "queue.pause", queue: "q" },
  ...{ subject: null, count: 0, reason: null, outcome: "succeeded", code: null },
  ...{ clientRequestId: null, requestId: "r", operationId: null },
};

test("an observer can add to the audit log and read it, but cannot remove or change a record", async () => {
  const redis = await startSecuredRedis();
  const client = new Holdfast({ redis: redis.url("observer"), prefix: PREFIX });
  afterwards(() => client.close());
  for (const actor of ["a", "b", "c"]) await client.actions.append({ ...RECORD, actor });
  const log = `${PREFIX}:{:system}:audit_log`;
  const observer = await as(redis, "observer");
  const attempts = [
    `DEL ${log}|UNLINK ${log}|LTRIM ${log} 1 0|LPOP ${log}|RPOP ${log}|LREM ${log} 0 x|LSET ${log} 0 x`,
    `LPUSH ${log} x|LINSERT ${log} BEFORE x y|LMOVE ${log} ${log} LEFT RIGHT|RPOPLPUSH ${log} ${log}|LMPOP 1 ${log} LEFT`,
    `EXPIRE ${log} 1|PEXPIRE ${log} 1|RENAME ${log} x|COPY x ${log} REPLACE|SET ${log} x|RESTORE ${log} 0 x REPLACE`,
    `SORT ${log} ALPHA STORE ${log}|XADD ${log} MAXLEN 0 * f v|BLPOP ${log} 1|GETDEL ${log}|MOVE ${log} 1`,
    // An observer may unlink keys of queues, but not keys of the system.
    `UNLINK ${PREFIX}:{:system}:queues|UNLINK ${PREFIX}:{:system}:operations|UNLINK ${PREFIX}:{:system}:log_outs`,
    `SET ${PREFIX}:{:system}:audit_dropped 9`,
  ].join("|");
  for (const attempt of attempts.split("|")) {
    const words = attempt.split(" ");
    expect.soft(await answer(observer, words), attempt).toEqual(refusal);
    const script = `return redis.call(${words.map((word) => `'${word}'`).join(",")})`;
    expect.soft(await answer(observer, ["EVAL", script, "1", log]), attempt).toEqual(refusalInScript);
  }
  const { records } = await client.actions.page({ limit: 10 });
  expect(records.map(({ actor }) => actor)).toEqual(["c", "b", "a"]);
  // Only a janitor removes audit records, and only the oldest ones.
  const janitor = new Holdfast({ redis: redis.url("janitor"), prefix: PREFIX });
  afterwards(() => janitor.close());
  expect(await janitor.actions.trim(2)).toBe(1);
  expect((await client.actions.page({ limit: 10 })).records.map(({ actor }) => actor)).toEqual(["c", "b"]);
});

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ROLES, scriptsOf } from "./roles.mjs";
import { commandsOf, readScripts, rulesOf } from "./rules.mjs";

const scripts = join(import.meta.dirname, "..");
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-acl-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the commands that a script calls", () => {
  test("every literal command is found, and so are both commands of a choice and the second word of PUBSUB", () => {
    const source = `redis.call('HGET', k, f)\nredis.call(sorted and 'ZREM' or 'LREM', k)\nredis.call('PUBSUB', 'SHARDNUMSUB', c)`;
    expect([...commandsOf("x", source)].sort()).toEqual(["HGET", "LREM", "PUBSUB|SHARDNUMSUB", "ZREM"]);
  });

  test.each([
    "redis.call(name, k)",
    "local call = redis.call\ncall('GET', k)",
    "redis.call('CONFIG', which)",
  ])("a call that cannot be read from the text is refused: %s", (source) => {
    expect(() => commandsOf("x", source)).toThrow(/^x: /);
  });

  test("every script has a role", () => {
    const used = new Set(Object.values(ROLES).flatMap(scriptsOf));
    expect([...readScripts().keys()].filter((name) => !used.has(name))).toEqual([]);
  });

  test("janitors do not subscribe, only observers delete whole keys and read strings, and no role has administrative commands", () => {
    const roles = Object.keys(ROLES);
    const may = (command) =>
      roles.filter((role) => {
        const { inScripts, direct, apart } = rulesOf(role);
        return [...inScripts, ...direct, ...apart.flatMap(({ commands }) => commands)].includes(command);
      });
    for (const command of ["SSUBSCRIBE", "SUNSUBSCRIBE"]) {
      expect(may(command)).toEqual(["producer", "worker", "worker-api", "dispatcher", "observer"]);
      // Only roles that run tasks may subscribe to all channels of a queue.
      expect(roles.filter((role) => rulesOf(role).direct.includes(command))).toEqual([
        "worker",
        "worker-api",
        "dispatcher",
      ]);
    }
    expect(may("UNLINK")).toEqual(["observer"]);
    // Only this role reads a string: the end of the last bucket of a series. So only this role may call GET.
    expect(may("GET")).toEqual(["observer"]);
    for (const command of ["DEL", "KEYS", "SCAN", "FLUSHALL", "CONFIG|GET", "SCRIPT|FLUSH", "ACL|LIST"])
      expect(may(command)).toEqual([]);
  });
});

describe("acl-users", () => {
  const make = (...more) =>
    spawnSync(
      process.execPath,
      [
        join(scripts, "acl-users.mjs"),
        "--secrets",
        join(folder, "secrets"),
        "--out",
        join(folder, "users.acl"),
        ...more,
      ],
      { encoding: "utf8" },
    );
  const users = () => readFileSync(join(folder, "users.acl"), "utf8");

  test("the command makes missing passwords, keeps existing ones, and writes only their hashes", () => {
    expect(make().status).toBe(0);
    const names = ["admin", "dispatcher", "janitor", "observer", "producer", "worker", "worker-api"];
    expect(readdirSync(join(folder, "secrets"))).toEqual(names);
    const first = users();
    for (const name of names) {
      const file = join(folder, "secrets", name);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const password = readFileSync(file, "utf8").trim();
      expect(password).toHaveLength(43);
      expect(first).not.toContain(password);
      const line = first.split("\n").find((text) => text.startsWith(`user ${name} `));
      expect(line).toContain(`#${createHash("sha256").update(password).digest("hex")}`);
    }
    expect(first).toMatch(/^user default reset off ~\* &\* \+@all$/m);
    expect(make().stdout).not.toContain(readFileSync(join(folder, "secrets/admin"), "utf8").trim());
    expect(users()).toBe(first);
    rmSync(join(folder, "secrets/worker"));
    make();
    const changed = users()
      .split("\n")
      .filter((line) => !first.includes(line));
    expect(changed.map((line) => line.split(" ")[1])).toEqual(["worker"]);
  });

  test("every key and channel has the given prefix, and Redis 7.0 gets only commands that it knows", () => {
    make("--prefix", "shop.v2", "--redis", "7.0.15");
    const words = users().split(/\s+/);
    const patterns = words.filter((word) => /^[~&]./.test(word) && !["~*", "&*"].includes(word));
    expect(patterns.length).toBeGreaterThan(40);
    expect(patterns.filter((pattern) => !/^[~&]shop\.v2:\{/.test(pattern))).toEqual([]);
    expect(words).not.toContain("+waitaof");
    make();
    expect(users().split(/\s+/)).toContain("+waitaof");
  });

  test("the users in the file of --also are added", () => {
    writeFileSync(join(folder, "others"), "# of the replicas\nuser replica on +psync +replconf +ping #00\n");
    make("--also", join(folder, "others"));
    expect(users().trimEnd().split("\n")).toHaveLength(9);
    expect(users()).toContain("user replica on +psync");
  });

  test("a short password, a prefix with a wildcard and an unknown option are refused", () => {
    expect(make("--prefix", "*").stderr).toContain("not a valid key prefix");
    expect(make("--redis", "6.2").stderr).toContain("7.0");
    expect(make("--user", "x").stderr).toContain("usage");
    make();
    writeFileSync(join(folder, "secrets/worker"), "short\n");
    expect(make()).toMatchObject({ status: 1, stderr: expect.stringContaining("fewer than 16") });
  });
});

test("the templates are fresh", () => {
  execFileSync(process.execPath, [join(scripts, "generate-acl.mjs"), "--check"], { stdio: "pipe" });
});

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort, until } from "@holdfast/testing";
import { Redis } from "ioredis";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";

const root = resolve(import.meta.dirname, "../..");
export const PREFIX = "hf";

/** The version of the installed redis-server, such as "7.0.15". */
const redisVersion =
  /v=([\d.]+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1] ?? "";
export const [major = 0, minor = 0] = redisVersion.split(".").map(Number);
export const isSince72 = major > 7 || (major === 7 && minor >= 2);

export const template = (role: string) => readFileSync(join(root, "infra/redis/acl", `${role}.acl`), "utf8");

/** Makes a folder that is removed after the test. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "holdfast-security-"));
  afterwards(async () => rmSync(made, { recursive: true, force: true }));
  return made;
}

export interface SecuredRedis {
  readonly port: number;
  /** The folder with the password files, one per user. */
  readonly secrets: string;
  /** A client of the user admin in database 0. */
  readonly admin: Redis;
  password(user: string): string;
  /** Returns the URL for the library, with this user and database 1. */
  url(user: string): string;
  /** Gives the user a new password, in the password folder and in the ACL file. @returns the new password */
  rotate(user: string): string;
  /** Kills Redis, and starts it again without its data. */
  restart(): Promise<void>;
}

/**
 * Starts a redis-server with the users that scripts/acl-users.mjs makes.
 * @param tls the certificate; if it is given, the server has only a TLS port
 */
export async function startSecuredRedis(
  args: readonly string[] = [],
  tls?: { certFile: string; keyFile: string; caFile: string },
): Promise<SecuredRedis> {
  const port = await freePort();
  const home = folder();
  const secrets = join(home, "secrets");
  const users = join(home, "users.acl");
  const make = ["--secrets", secrets, "--out", users, "--prefix", PREFIX, "--redis", redisVersion];
  const makeUsers = () =>
    execFileSync(process.execPath, [join(root, "scripts/acl-users.mjs"), ...make], { stdio: "pipe" });
  makeUsers();
  const password = (user: string) => readFileSync(join(secrets, user), "utf8").trim();
  let server: ChildProcess;
  const admin = new Redis({
    host: "127.0.0.1",
    port,
    username: "admin",
    password: password("admin"),
    protocol: 2,
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    ...(tls ? { tls: { ca: readFileSync(tls.caFile) } } : {}),
  });
  admin.on("error", () => {});
  const kill = async () => {
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  };
  const listening = tls
    ? [
        ...["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no"],
        ...["--tls-cert-file", tls.certFile, "--tls-key-file", tls.keyFile, "--tls-ca-cert-file", tls.caFile],
      ]
    : ["--port", String(port)];
  const start = async () => {
    server = spawn(
      "redis-server",
      [...listening, "--bind", "127.0.0.1", "--save", "", "--dir", home, "--aclfile", users, ...args],
      { stdio: "ignore" },
    );
    await until("redis-server answers", () =>
      admin.ping().then(
        () => true,
        () => false,
      ),
    );
  };
  await start();
  afterwards(async () => {
    admin.disconnect();
    await kill();
  });
  return {
    port,
    secrets,
    admin,
    password,
    url: (user) => `redis://${user}:${password(user)}@127.0.0.1:${port}/1`,
    rotate: (user) => {
      rmSync(join(secrets, user));
      makeUsers();
      return password(user);
    },
    restart: async () => {
      await kill();
      await start();
    },
  };
}

/** The commands and the script hashes that each user has sent. Some commands have the form `container|command`. */
export interface Watch {
  commands(user: string): Set<string>;
  scripts(user: string): Set<string>;
  /** Records the user of each open connection. Call this before the connections are closed. */
  note(): Promise<void>;
}

const CONTAINERS = new Set(["client", "config", "cluster", "acl", "script", "pubsub"]);

export async function watch(redis: SecuredRedis): Promise<Watch> {
  const calls: { source: string; args: string[] }[] = [];
  const users = new Map<string, string>();
  const monitor = await redis.admin.monitor();
  monitor.on("error", () => {});
  monitor.on("monitor", (_time: string, args: string[], source: string) => {
    if (source !== "lua") calls.push({ source, args });
  });
  afterwards(async () => monitor.disconnect());
  const of = (user: string) =>
    calls.filter(({ source }) => users.get(source) === user).map(({ args }) => args);
  return {
    commands: (user) =>
      new Set(
        of(user).map(([name = "", second = ""]) => {
          const command = name.toLowerCase();
          return CONTAINERS.has(command) ? `${command}|${second.toLowerCase()}` : command;
        }),
      ),
    scripts: (user) =>
      new Set(
        of(user)
          .filter(([name]) => /^evalsha$/i.test(name ?? ""))
          .map(([, sha = ""]) => sha),
      ),
    note: async () => {
      for (const line of String(await redis.admin.client("LIST")).split("\n")) {
        const [, addr, user] = /\baddr=(\S+).*\buser=(\S+)/.exec(line) ?? [];
        if (addr && user) users.set(addr, user);
      }
    },
  };
}

/** Wraps `target` so that each called method adds its name to `called`. */
export function noting<T extends object>(target: T, called: Set<string>): T {
  return new Proxy(target, {
    get(object, property) {
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== "function") return value;
      called.add(String(property));
      return value.bind(object);
    },
  });
}

export const methodsOf = (type: { prototype: object }) =>
  Object.entries(Object.getOwnPropertyDescriptors(type.prototype))
    .filter(([name, { value }]) => typeof value === "function" && name !== "constructor")
    .map(([name]) => name);

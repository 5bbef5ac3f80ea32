import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the ACL templates, which `make generate` writes. The path fits dist/ and src/. */
export const TEMPLATES = fileURLToPath(new URL("../../../infra/redis/acl", import.meta.url));
/** The key prefix in the templates. It is replaced by QUEUE_PREFIX. */
const TEMPLATE_PREFIX = "queue";
const PREFIX = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;

export interface RedisUsersOptions {
  /** The value of QUEUE_PREFIX. A user may only access keys and channels that begin with it. */
  prefix: string;
  /**
   * Version of Redis, such as `7.2`. Redis refuses the rules of a user if they name a command that its version lacks.
   */
  redisVersion: string;
  passwordOf(user: string): string;
  /** More `user …` lines, for example for replicas and Sentinels. */
  also?: string;
}

/** Returns the roles for which there is a template. */
export function redisRoles(templates = TEMPLATES): string[] {
  return readdirSync(templates)
    .filter((file) => file.endsWith(".acl"))
    .map((file) => basename(file, ".acl"))
    .sort();
}

/**
 * Returns the text of an ACL file. It has a user for each role and `admin`, with the SHA-256 hashes of their passwords.
 * The user `default` cannot log in.
 * @throws RangeError if the prefix or the version cannot be used
 */
export function redisUsers(options: RedisUsersOptions, templates = TEMPLATES): string {
  const { prefix, redisVersion, passwordOf, also = "" } = options;
  if (!PREFIX.test(prefix))
    throw new RangeError(`"${prefix}" is not a valid key prefix: use letters, digits, _ . : -`);
  const version = /^(\d+)\.(\d+)/.exec(redisVersion);
  if (version === null || Number(version[1]) < 7)
    throw new RangeError(`the version of Redis has to be 7.0 or later, got "${redisVersion}"`);
  const newest = Number(version[1]) > 7 || Number(version[2]) >= 2;
  const hash = (user: string) => `#${createHash("sha256").update(passwordOf(user)).digest("hex")}`;
  const role = (user: string) => {
    const template = readFileSync(join(templates, `${user}.acl`), "utf8");
    return `user ${user} ${rulesOf(template, prefix, newest)} ${hash(user)}`;
  };
  return [
    // The user `default` is off, so nobody can log in without one of the passwords. It keeps its permissions, because
    // Redis loads the transactions of its append-only file as this user, and drops them if the user may not run them.
    "user default reset off ~* &* +@all",
    // The user `admin` is for operators, backups and ACL LOAD.
    `user admin reset on ~* &* +@all ${hash("admin")}`,
    ...redisRoles(templates).map(role),
    ...also.split(/\r?\n/).filter((line) => line.startsWith("user ")),
    "",
  ].join("\n");
}

/** Returns the rules of a template on one line, for keys that begin with `options.prefix`. */
function rulesOf(template: string, prefix: string, newest: boolean): string {
  return template
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      if (!line.startsWith("7.2: ")) return [line];
      return newest ? [line.slice("7.2: ".length)] : [];
    })
    .join(" ")
    .replaceAll(new RegExp(`([~&])${TEMPLATE_PREFIX}:`, "g"), (_, kind: string) => `${kind}${prefix}:`);
}

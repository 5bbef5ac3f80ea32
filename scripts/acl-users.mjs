// Makes the aclfile of a Redis out of the templates in infra/redis/acl and a folder of passwords:
//   node scripts/acl-users.mjs --secrets <folder> --out <users.acl> [--prefix queue] [--redis 7.2] [--also <file>]
// The folder has a file per user, named as the user; where one is missing a password of 256 random bits is written there.
// --also names a file with further "user ..." lines, of replicas and Sentinels for example.
// The aclfile holds SHA-256 hashes only. To rotate: delete or replace a file, run it again, then ACL LOAD as admin.
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const templates = fileURLToPath(new URL("../infra/redis/acl", import.meta.url));
const usage =
  "usage: acl-users.mjs --secrets <folder> --out <users.acl> [--prefix queue] [--redis 7.2] [--also <file>]";

function fail(text) {
  console.error(text);
  process.exit(1);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        secrets: { type: "string" },
        out: { type: "string" },
        prefix: { type: "string", default: "queue" },
        redis: { type: "string", default: "7.2" },
        also: { type: "string" },
      },
    });
    return values;
  } catch (error) {
    return fail(`${error.message}\n${usage}`);
  }
}

/** The rules of a template on one line, for keys that begin with `prefix`. */
function rulesOf(template, prefix, newest) {
  return template
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      if (!line.startsWith("7.2: ")) return [line];
      return newest ? [line.slice("7.2: ".length)] : [];
    })
    .join(" ")
    .replaceAll(/([~&])queue:/g, (_, kind) => `${kind}${prefix}:`);
}

function passwordOf(folder, user) {
  const file = join(folder, user);
  if (!existsSync(file)) {
    writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  }
  const password = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  if (password.length < 16) fail(`the password in ${file} has fewer than 16 characters`);
  return password;
}

const { secrets, out, prefix, redis, also } = options();
if (!secrets || !out) fail(usage);
if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/.test(prefix))
  fail(`"${prefix}" is no prefix of keys: letters, digits, _ . : -`);
const version = /^(\d+)\.(\d+)/.exec(redis);
if (!version || Number(version[1]) < 7) fail(`--redis has to be a version from 7.0 on, got "${redis}"`);
const newest = Number(version[1]) > 7 || Number(version[2]) >= 2;

mkdirSync(secrets, { recursive: true, mode: 0o700 });
const hash = (user) => `#${createHash("sha256").update(passwordOf(secrets, user)).digest("hex")}`;
const lines = readdirSync(templates)
  .filter((file) => file.endsWith(".acl"))
  .sort()
  .map((file) => {
    const user = basename(file, ".acl");
    return `user ${user} ${rulesOf(readFileSync(join(templates, file), "utf8"), prefix, newest)} ${hash(user)}`;
  });
const others = also
  ? readFileSync(also, "utf8")
      .split(/\r?\n/)
      .filter((line) => line.startsWith("user "))
  : [];
// Whoever has no password of these gets nothing; admin is for people, backups and ACL LOAD.
const text = [
  "user default reset off",
  `user admin reset on ~* &* +@all ${hash("admin")}`,
  ...lines,
  ...others,
  "",
].join("\n");
// A Redis that loads it meanwhile finds the old or the new one, whole.
writeFileSync(`${out}.new`, text, { mode: 0o600 });
chmodSync(`${out}.new`, 0o600);
renameSync(`${out}.new`, out);
console.log(`${out}: admin, ${lines.map((line) => line.split(" ")[1]).join(", ")}; passwords in ${secrets}`);

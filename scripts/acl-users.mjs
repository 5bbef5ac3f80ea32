// Writes the ACL file for a Redis from the templates in infra/redis/acl and a folder of passwords (after `make
// build`):
//   node scripts/acl-users.mjs --secrets <folder> --out <users.acl> [--prefix queue] [--redis 7.2] [--also <file>]
// The folder has one file per user, named after the user. If a file is missing, the script creates it with a password
// of 256 random bits. --also names a file with more "user ..." lines, for example for replicas and Sentinels.
//
// The ACL file contains only SHA-256 hashes. To rotate a password, delete or replace its file, run the script again,
// and then run ACL LOAD as admin. The Compose stack and `make up` do not need this script, because services/init
// makes their users.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

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

const { redisRoles, redisUsers } = await import("../services/init/dist/redis-users.js").catch(() =>
  fail("services/init is not built: make build"),
);

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
mkdirSync(secrets, { recursive: true, mode: 0o700 });
let text = "";
try {
  text = redisUsers({
    prefix,
    redisVersion: redis,
    passwordOf: (user) => passwordOf(secrets, user),
    also: also ? readFileSync(also, "utf8") : "",
  });
} catch (error) {
  fail(error.message);
}
// The new file replaces the old one in one step, so Redis never loads half a file.
writeFileSync(`${out}.new`, text, { mode: 0o600 });
chmodSync(`${out}.new`, 0o600);
renameSync(`${out}.new`, out);
console.log(`${out}: admin, ${redisRoles().join(", ")}; passwords in ${secrets}`);

// Writes infra/redis/acl/<role>.acl, the Redis rights of each role. The rights come from scripts/acl/roles.mjs and
// from the commands in the generated scripts. With `--check` it writes nothing, and fails if a file is out of date or
// if no role runs some script.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROLES, scriptsOf } from "./acl/roles.mjs";
import { readScripts, templateOf } from "./acl/rules.mjs";

const folder = fileURLToPath(new URL("../infra/redis/acl", import.meta.url));
const check = process.argv.includes("--check");
const problems = [];

const scripts = readScripts();
const used = new Set(Object.values(ROLES).flatMap(scriptsOf));
for (const name of scripts.keys())
  if (!used.has(name))
    problems.push(`lua/${name}.lua: no role runs it; add it to a role in scripts/acl/roles.mjs`);

mkdirSync(folder, { recursive: true });
const before = new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")]));
for (const role of Object.keys(ROLES)) {
  const file = `${role}.acl`;
  const text = templateOf(role, scripts);
  if (before.get(file) !== text) {
    if (check) problems.push(`infra/redis/acl/${file} is out of date: run make generate`);
    else writeFileSync(join(folder, file), text);
  }
  before.delete(file);
}
for (const file of before.keys()) {
  if (check) problems.push(`infra/redis/acl/${file} has no role`);
  else rmSync(join(folder, file));
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

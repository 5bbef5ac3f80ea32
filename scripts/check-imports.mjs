// Checks the direction of imports:
// - contracts <- holdfast <- service <- services.
// - The dashboard imports only contracts. The outbox imports holdfast. The CLI may import the outbox and, because it
//   makes API keys, `service/keys`.
// - Within holdfast, only redis/ talks to Redis. The folders queue, worker, janitor and observer do not import each
//   other, except that a worker can run a janitor.
//
// Prints each import that is wrong or part of a circle, including imports of types.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const problems = [];

function* sources(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) {
      if (!["node_modules", "dist", "test", "testing", "dev"].includes(name)) yield* sources(path);
    } else if (/\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name)) yield path;
  }
}

/** For each folder: the packages of this repository that it may import, and whether it may import ioredis. */
const ALLOWED = [
  ["packages/contracts/", []],
  ["packages/testing/", []],
  ["packages/holdfast/src/redis/", ["@holdfast/contracts", "ioredis"]],
  ["packages/holdfast/", ["@holdfast/contracts"]],
  ["packages/outbox/", ["holdfast"]],
  ["packages/cli/", ["@holdfast/contracts", "holdfast", "@holdfast/outbox", "@holdfast/service/keys"]],
  ["packages/service/", ["@holdfast/contracts", "holdfast"]],
  ["services/", ["@holdfast/contracts", "holdfast", "@holdfast/service"]],
  ["dashboard/", ["@holdfast/contracts"]],
];
/** The path of each file -> the files of the same package that it imports. */
const edges = new Map();
const LOOPS = ["queue", "worker", "janitor", "observer"];

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([^"']+)["']|import\(["']([^"']+)["']\)/g;

for (const dir of ["packages", "services", "dashboard"]) {
  for (const file of sources(join(root, dir))) {
    const path = relative(root, file);
    edges.set(path, []);
    const allowed = ALLOWED.find(([prefix]) => path.startsWith(prefix))?.[1] ?? [];
    for (const match of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const specifier = match[1] ?? match[2];
      const fail = (why) => problems.push(`${path}: imports ${specifier}: ${why}`);
      if (specifier.startsWith(".")) {
        const target = relative(root, resolve(dirname(file), specifier));
        const packageOf = (name) =>
          name
            .split("/")
            .slice(0, name.startsWith("dashboard/") ? 1 : 2)
            .join("/");
        edges.get(path).push(target);
        if (packageOf(target) !== packageOf(path)) fail("it is in another package");
        const loopOf = (name) => LOOPS.find((loop) => name.startsWith(`packages/holdfast/src/${loop}/`));
        const isAllowed = loopOf(path) === "worker" && loopOf(target) === "janitor";
        if (loopOf(path) && loopOf(target) && loopOf(path) !== loopOf(target) && !isAllowed)
          fail("a loop must not import another loop");
        if (target.includes("redis/generated") && !/^packages\/holdfast\/src\/(redis|engine)\//.test(path))
          fail("only the engine may call scripts");
        continue;
      }
      const name = specifier.startsWith("@")
        ? specifier.split("/").slice(0, 2).join("/")
        : specifier.split("/")[0];
      const ours = name === "holdfast" || name === "ioredis" || name.startsWith("@holdfast/");
      if (ours && !allowed.includes(name) && !allowed.includes(specifier)) fail("imports run the other way");
    }
  }
}

const done = new Set();
/**
 * Follows imports depth first. `way` lists the files from the start to `path`. If `path` is already in it, the
 * imports are circular.
 */
function findCircles(path, way) {
  if (way.includes(path)) {
    problems.push(`${[...way.slice(way.indexOf(path)), path].join(" -> ")}: these files import each other`);
    return;
  }
  if (done.has(path)) return;
  for (const target of edges.get(path) ?? []) findCircles(target, [...way, path]);
  done.add(path);
}
for (const path of edges.keys()) findCircles(path, []);

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

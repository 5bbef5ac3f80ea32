// Writes infra/grafana/dashboards/ from infra/grafana/source/. With `--check` it writes nothing and fails if a file is
// out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { overview } from "../infra/grafana/source/overview.mjs";
import { queue } from "../infra/grafana/source/queue.mjs";
import { workersRedis } from "../infra/grafana/source/workers-redis.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../infra/grafana/dashboards");
export const dashboards = {
  "overview.json": overview,
  "queue.json": queue,
  "workers-redis.json": workersRedis,
};

/**
 * Returns the names of the generated files that are out of date. Differences in layout do not count, because the
 * formatter makes them.
 */
export function outdated() {
  return Object.entries(dashboards).flatMap(([name, wanted]) => {
    let found;
    try {
      found = JSON.parse(readFileSync(join(folder, name), "utf8"));
    } catch {
      found = undefined;
    }
    return isDeepStrictEqual(found, JSON.parse(JSON.stringify(wanted))) ? [] : [name];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = outdated();
  if (process.argv.includes("--check")) {
    for (const name of names)
      console.error(`${name} differs from its source: run node scripts/generate-dashboards.mjs`);
    process.exitCode = names.length === 0 ? 0 : 1;
  } else {
    for (const name of names) {
      writeFileSync(join(folder, name), `${JSON.stringify(dashboards[name], null, 2)}\n`);
      console.log(`wrote infra/grafana/dashboards/${name}; format it with npx biome format --write`);
    }
  }
}

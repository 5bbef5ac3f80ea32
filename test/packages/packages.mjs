// Installs the tarballs of `make pack` in empty folders outside the repository, like a user, and runs tasks there.
// Prints one line per way of use ("consumer"), and then the counts as JSON. The other packages that consumers need
// come from the npm registry.
//
//   node test/packages/packages.mjs [text in the names of the consumers to check]
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startRedis } from "../chaos/harness/redis.mjs";
import { consumers } from "./consumers.mjs";
import { Tools } from "./tools.mjs";

const tarballs = resolve(import.meta.dirname, "../../tarballs");
const only = process.argv[2] ?? "";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-packages-"));
const children = [];
const counts = { consumers: 0, ok: 0, failed: 0 };
try {
  const track = (child) => {
    children.push(child);
    return child;
  };
  const redis = await startRedis({ folder: scratch, track });
  const paths = readdirSync(tarballs).map((name) => join(tarballs, name));
  const tools = await Tools.install(scratch, paths);
  for (const [name, check] of consumers({ tools, redis: redis.url, track })) {
    if (!name.includes(only)) continue;
    counts.consumers++;
    const began = performance.now();
    let verdict = "ok";
    try {
      await check();
      counts.ok++;
    } catch (error) {
      counts.failed++;
      verdict = `FAILED\n${String(error.message).replace(/^/gm, "    ")}`;
    }
    console.log(`${name} (${((performance.now() - began) / 1_000).toFixed(1)} s): ${verdict}`);
  }
} finally {
  await Promise.all(children.map((child) => child.kill()));
  rmSync(scratch, { recursive: true, force: true });
}
console.log(JSON.stringify(counts));
process.exitCode = counts.failed > 0 || counts.consumers === 0 ? 1 : 0;

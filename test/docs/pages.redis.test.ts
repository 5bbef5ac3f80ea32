import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import {
  findPostgres,
  freePort,
  type PostgresServer,
  type RedisServer,
  startPostgres,
  startRedisServer,
} from "@holdfast/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BLOCKS } from "./blocks.mjs";

// Runs the `js` blocks of the pages. The comment after each console.log is the line that the block has to print.
const root = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
const blocks = BLOCKS.filter(({ by }) => by === "test/docs/pages.redis.test.ts");

// Without Postgres, blocks that use it are skipped. Node 20 has no SQLite, so there a package with the same calls
// replaces it.
const hasPostgres = findPostgres() !== null;
const sqlite = isBuiltin("node:sqlite") ? "node:sqlite" : "@photostructure/sqlite";

let redis: RedisServer;
let postgres: PostgresServer | undefined;
let folder: string;
beforeAll(async () => {
  redis = await startRedisServer();
  if (hasPostgres) postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), "holdfast-pages-"));
  await mkdir(join(folder, "node_modules/@holdfast"), { recursive: true });
  await mkdir(join(folder, "node_modules/@photostructure"));
  const packages = {
    holdfast: "packages/holdfast",
    ioredis: "packages/holdfast/node_modules/ioredis",
    bullmq: "packages/cli/node_modules/bullmq",
    "@holdfast/outbox": "packages/outbox",
    pg: "packages/outbox/node_modules/pg",
    "@photostructure/sqlite": "packages/outbox/node_modules/@photostructure/sqlite",
    "@holdfast/observability": "services/observability",
    express: "services/observability/node_modules/express",
  };
  for (const [name, path] of Object.entries(packages))
    await symlink(join(root, path), join(folder, "node_modules", name));
});
afterAll(async () => {
  await postgres?.stop();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Returns the lines that a block has to print according to its comments. */
function promised(code: string): string[] {
  return [...code.matchAll(/^.*console\.log\(.*?\).*? \/\/ (.*)$/gm)].map(([, text]) => text ?? "");
}

describe("the examples of the pages", () => {
  test("exist, and each says what it prints", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(50);
    expect(blocks.filter(({ code }) => promised(code).length === 0).map(({ place }) => place)).toEqual([]);
  });

  test.for(blocks)("$place prints what its comments say", async ({ place, code }, { skip }) => {
    if (code.includes("postgres://") && postgres === undefined) skip("Postgres is missing");
    const file = join(folder, `${place.replaceAll(/\W+/g, "-")}.mjs`);
    const port = String(await freePort());
    const own = code
      .replaceAll("redis://127.0.0.1:6379", redis.url)
      .replaceAll("postgres://postgres@127.0.0.1:5432/postgres", postgres?.url ?? "")
      .replaceAll("node:sqlite", sqlite)
      .replaceAll(/\b3000\b/g, port);
    await writeFile(file, own);
    // Node 22 prints a warning that its SQLite is experimental, which has to be switched off.
    const quiet = "--disable-warning=ExperimentalWarning";
    const { stdout, stderr } = await run(process.execPath, [quiet, file], { cwd: folder, timeout: 55_000 });
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n")).toEqual(promised(code));
  });
});

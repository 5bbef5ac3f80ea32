import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { nanoid } from "nanoid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { redisUrl } from "../support/setup.ts";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../../..", import.meta.url));
const APP = fileURLToPath(new URL("./app.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "holdfast-bundle-"));

// Builds the current code of the heartbeat thread into the library, as `pnpm run build` does.
beforeAll(() => execute(process.execPath, ["scripts/embed.mjs"], { cwd: root }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["esm", "app.mjs", false],
  ["esm", "app.min.mjs", true],
  ["cjs", "app.cjs", false],
  ["cjs", "app.min.cjs", true],
] as const)(
  "an application that esbuild bundled as %s runs in an empty folder: %s",
  async (format, name, minify) => {
    const home = mkdtempSync(join(folder, `${format}-`));
    await build({
      entryPoints: [APP],
      bundle: true,
      minify,
      platform: "node",
      format,
      outfile: join(home, name),
      logLevel: "error",
      // esbuild bundles the installed package, and not the sources that this test imports.
      absWorkingDir: root,
    });
    writeFileSync(join(home, "handlers.mjs"), "export const handlers = { apart: () => process.pid };\n");
    expect(readdirSync(home).sort()).toEqual([name, "handlers.mjs"].sort());
    const { stdout, stderr } = await execute(process.execPath, [name, redisUrl(), `b${nanoid(8)}`], {
      cwd: home,
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      // A heartbeat renewed the lease, so no other worker ran the task.
      slow: ["completed", '"once"', 1, 0],
      apart: ["completed", true],
      words: "At 00:00",
      errors: [],
      require: "undefined",
    });
  },
);

test("the error of a bundle with an incomplete build of Holdfast says what to do", async () => {
  const home = mkdtempSync(join(folder, "unbuilt-"));
  await build({
    entryPoints: [APP],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: join(home, "app.mjs"),
    logLevel: "error",
    absWorkingDir: root,
    external: ["*/embedded.js"],
  });
  writeFileSync(join(home, "handlers.mjs"), "export const handlers = { apart: () => process.pid };\n");
  const failed = await execute(process.execPath, ["app.mjs", redisUrl(), "b"], { cwd: home }).catch(
    (error) => error,
  );
  expect(failed.stderr).toContain("build holdfast with `pnpm run build` before you bundle");
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stagePackage } from "../../scripts/pack.mjs";

const folder = mkdtempSync(join(tmpdir(), "holdfast-tarballs-"));
// The time-out is long, because there are thousands of files and the disk may be busy.
afterAll(() => rmSync(folder, { recursive: true, force: true }), 120_000);

const IMPORT = /^(?:import|export)\b[^"']*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Returns the imports in the files of a folder, as pairs of a file and an imported name. */
function importsOf(stage) {
  return readdirSync(stage, { recursive: true })
    .filter((name) => /(^|\/)dist\/.*(?<!embedded)\.(js|d\.ts)$/.test(name))
    .flatMap((name) =>
      [...readFileSync(join(stage, name), "utf8").matchAll(IMPORT)].map((found) => [
        join(stage, name),
        found[1] ?? found[2] ?? found[3],
      ]),
    );
}

test.each([
  "packages/holdfast",
  "packages/outbox",
  "packages/cli",
  "services/producer-api",
  "services/observability",
])(
  "the tarball of %s contains all that it imports, or names it as a dependency",
  (path) => {
    const stage = mkdtempSync(join(folder, "stage-"));
    stagePackage(path, stage);
    const manifest = JSON.parse(readFileSync(join(stage, "package.json"), "utf8"));
    const known = new Set([
      ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
      ...builtinModules.map((name) => `node:${name}`),
    ]);
    const imports = importsOf(stage);
    const missing = imports.filter(([file, specifier]) => {
      // Only bundlers load embedded.js, and a program is never bundled. So the file may be missing.
      if (specifier === "./embedded.js") return false;
      if (!specifier.startsWith(".")) return !known.has(/^(?:@[^/]+\/)?[^/]+/.exec(specifier)[0]);
      const target = join(dirname(file), specifier);
      return !existsSync(target) && !existsSync(target.replace(/\.(c?)[jt]s$/, ".d.$1ts"));
    });
    expect(imports.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  },
  180_000,
);

test("a tarball has a README and the licence, and neither tests, nor build information, nor links of the workspace", () => {
  const stage = mkdtempSync(join(folder, "stage-"));
  stagePackage("packages/holdfast", stage);
  const names = readdirSync(stage, { recursive: true });
  expect(names).toEqual(expect.arrayContaining(["README.md", "LICENSE", "dist/index.js", "src/index.ts"]));
  expect(names.filter((name) => /\.test\.|tsbuildinfo|node_modules/.test(name))).toEqual([]);
  const text = readFileSync(join(stage, "package.json"), "utf8");
  expect(text).not.toContain("workspace:");
  expect(text).not.toContain("@holdfast/");
  expect(readFileSync(join(stage, "README.md"), "utf8")).not.toMatch(/\]\((?!https?:|#)/);
}, 180_000);

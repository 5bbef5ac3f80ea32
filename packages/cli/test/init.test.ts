import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { start } from "./support.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-init-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const init = (folder: string) => start(["init", folder]).ended;
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const root = resolve(import.meta.dirname, "../../..");
// This test only reads the files. `make pack-check` also installs, compiles, tests and runs such a project.

test("a new project has a worker, a producer, a test and a compose file, with the versions of this repository", async () => {
  const folder = join(scratch, "Mail Worker");
  expect(await init(folder)).toMatchObject({ code: 0, stdout: "" });
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const expected = [".gitignore", "README.md", "compose.yaml", "package.json", "tsconfig.json"];
  expect(names).toEqual(expect.arrayContaining([...expected, "src/worker.ts", "src/producer.ts"]));

  const { name, dependencies, devDependencies } = json(folder, "package.json");
  const ours = json(root, "package.json").devDependencies;
  const version = `^${json(root, "packages/cli/package.json").version}`;
  expect({ name, dependencies, devDependencies }).toEqual({
    name: "mail-worker",
    dependencies: { holdfast: version },
    devDependencies: {
      "@holdfast/cli": version,
      "@types/node": ours["@types/node"],
      typescript: ours.typescript,
    },
  });
  const { compilerOptions } = json(folder, "tsconfig.json");
  expect(compilerOptions).toMatchObject({ strict: true, skipLibCheck: false });
  const { services } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"));
  expect(readFileSync(join(root, "docker-compose.yml"), "utf8")).toContain(services.redis.image);
  expect(services.worker.environment.REDIS_URL).toBe("redis://redis:6379");
});

test("nothing is written if one of the files is there", async () => {
  writeFileSync(join(scratch, "tsconfig.json"), "mine");
  const { code, stderr } = await init(scratch);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^holdfast: nothing was written, because .* already has tsconfig\.json: [^\n]*\n$/);
  expect(readFileSync(join(scratch, "tsconfig.json"), "utf8")).toBe("mine");
  expect(readdirSync(scratch)).not.toContain("package.json");
});

test("a folder named holdfast becomes a package of another name, because npm refuses this one", async () => {
  const folder = join(scratch, "holdfast");
  expect(await init(folder)).toMatchObject({ code: 0 });
  expect(json(folder, "package.json").name).toBe("worker");
});

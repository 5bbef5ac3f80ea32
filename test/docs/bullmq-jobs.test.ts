import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

// pages.redis.test.ts runs the programs of this page.
const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/migrating/bullmq-jobs.md"), "utf8");
const [head = "", ...sections] = page.split(/^## /m);
const jobs = sections.map((section) => ({
  name: section.slice(0, section.indexOf("\n")),
  programs: [...section.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code),
}));

/** Counts the lines of code: those that are not empty, not comments and not part of an import. */
function countLines(code: string): number {
  const withoutImports = code.replaceAll(/^import [^;]*;$/gm, "");
  return withoutImports.split("\n").filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length;
}

test("an import and a comment are not counted, even if they have several lines", () => {
  const code = 'import {\n  a,\n} from "b";\n\n// why\nconst c = a(); // what\n';
  expect(countLines(code)).toBe(1);
});

test("there are ten jobs, each with a program for BullMQ and one for Holdfast", () => {
  expect(jobs).toHaveLength(10);
  for (const { name, programs } of jobs) {
    expect(programs, name).toHaveLength(2);
    expect(programs[0], name).not.toContain("holdfast");
    expect(programs[1], name).toContain('from "holdfast');
  }
});

test("the table has the lines of each program, and no job takes more of them with Holdfast", () => {
  const rows = [...head.matchAll(/^\| \[?([^|\]]+?)(?:\]\(\S+\))? +\| +(\d+) \| +(\d+) \|$/gm)].map(
    ([, name, theirs, ours]) => ({ name, theirs: Number(theirs), ours: Number(ours) }),
  );
  const counted = jobs.map(({ name, programs: [theirs = "", ours = ""] }) => ({
    name,
    theirs: countLines(theirs),
    ours: countLines(ours),
  }));
  const sum = (side: "theirs" | "ours") => counted.reduce((all, row) => all + row[side], 0);
  expect(rows).toEqual([...counted, { name: "All ten", theirs: sum("theirs"), ours: sum("ours") }]);
  expect(counted.filter(({ theirs, ours }) => ours > theirs)).toEqual([]);
});

test("all programs have the format of the repository", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-jobs-"));
  try {
    const { formatter, javascript } = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    writeFileSync(join(folder, "biome.json"), JSON.stringify({ formatter, javascript }));
    const codes = jobs.flatMap(({ programs }) => programs);
    const files = codes.map((_, at) => `program-${at}.mjs`);
    for (const [at, code] of codes.entries()) writeFileSync(join(folder, `program-${at}.mjs`), code);
    const biome = join(root, "node_modules/.bin/biome");
    const options = { cwd: folder, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(biome, ["format", ...files], options);
    expect(status, stdout + stderr).toBe(0);
    expect(stdout + stderr).toContain("Checked 20 files");
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);

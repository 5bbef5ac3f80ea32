import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DotenvError, parseDotenv } from "./dotenv.mjs";

/** The environment variables in all cases. */
const ENVIRONMENT = { H: "host", E: "" };

/**
 * Each case is a .env file with the values that Compose reads from it for the variables A and B. The value is null if
 * the variable is not set. If Compose refuses the file, there is null instead of the values.
 */
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "dotenv.cases.json"), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "holdfast-dotenv-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (text) => {
  try {
    const values = parseDotenv(text, (name) => ENVIRONMENT[name]);
    return [values.get("A") ?? null, values.get("B") ?? null];
  } catch (error) {
    expect(error).toBeInstanceOf(DotenvError);
    return null;
  }
};

test.each(cases)("%j is read as Compose reads it", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test("an error names the file and the line", () => {
  expect(() => parseDotenv('A=1\n# c\nB="x\n')).toThrow('.env, line 3: the quote " is not closed');
  expect(() => parseDotenv("A=1\nB C=2")).toThrow('.env, line 2: the name "B C" has a space');
  expect(() => parseDotenv(["", "", "A=$" + "{B:?set B}"].join("\n"))).toThrow(
    ".env, line 3: B is not set: set B",
  );
});

test("every setting of .env.example can be used as it is, without the # before it", () => {
  const example = readFileSync(join(import.meta.dirname, "../.env.example"), "utf8");
  const settings = example.split("\n").filter((line) => /^# [A-Z_]+=/.test(line));
  expect(settings.length).toBeGreaterThan(25);
  for (const line of settings) {
    const [, name, shown] = /^# ([A-Z_]+)=(\S*)/.exec(line);
    expect(Object.fromEntries(parseDotenv(line.slice(2)))).toEqual({ [name]: shown });
  }
});

test("a shell gets the variables that its environment lacks, with any characters in their values", () => {
  const path = join(folder, "shell.env");
  const trap = join(folder, "run");
  const lines = [`A='it is "$(touch ${trap})"; \\'\\n'`, 'B="a\\nb"', "HOME=elsewhere", "UID=7", "X-Y=1"];
  writeFileSync(path, lines.join("\n"));
  const script = 'set -eu; eval "$(node scripts/dotenv.mjs "$1")"; printf "%s|%s|%s" "$A" "$B" "$HOME"';
  const output = execFileSync("bash", ["-c", script, "-", path], {
    cwd: join(import.meta.dirname, ".."),
    env: { PATH: process.env.PATH, HOME: "/home/here" },
    encoding: "utf8",
  });
  expect(output).toBe(`it is "$(touch ${trap})"; '\\n|a\nb|/home/here`);
  expect(existsSync(trap)).toBe(false);
});

const hasCompose = spawnSync("docker", ["compose", "version"]).status === 0;
if (!hasCompose) console.warn("SKIPPED: docker compose is missing, so its reading of .env is not compared");

test.skipIf(!hasCompose)(
  "the real docker compose reads each of these files in the same way",
  () => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...ENVIRONMENT };
    const labels = ["A", "B"].map((name) => `      ${name}: "\${${name}-<unset>}"`);
    writeFileSync(
      join(folder, "docker-compose.yml"),
      ["services:", "  x:", "    image: x", "    labels:", ...labels].join("\n"),
    );
    const composed = (text) => {
      writeFileSync(join(folder, ".env"), text);
      const args = ["compose", "config", "--format", "json"];
      const { status, stdout } = spawnSync("docker", args, { cwd: folder, env, encoding: "utf8" });
      if (status !== 0) return null;
      const { A, B } = JSON.parse(stdout).services.x.labels;
      return [A, B].map((value) => (value === "<unset>" ? null : value.replaceAll("$$", "$")));
    };
    for (const [text] of cases) expect([text, composed(text)]).toEqual([text, read(text)]);
  },
  600_000,
);

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");
const EXPECTED = "// @ts-expect-error ";

test("each mistake is an error of the compiler, and its message says what is wrong", () => {
  const lines = readFileSync(join(import.meta.dirname, "mistakes.ts"), "utf8").split("\n");
  // A folder inside node_modules, so that the compiler finds the built library.
  const folder = mkdtempSync(join(root, "node_modules", ".mistakes-"));
  try {
    const text = lines.map((line) => (line.includes(EXPECTED) ? "" : line)).join("\n");
    writeFileSync(join(folder, "mistakes.mts"), text);
    const options = [
      "--strict",
      "--exactOptionalPropertyTypes",
      "--noEmit",
      "--pretty",
      "false",
      "--ignoreConfig",
    ];
    const modules = ["--target", "es2023", "--module", "nodenext", "--types", "node"];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [compiler, ...options, ...modules, "mistakes.mts"], {
      cwd: folder,
      encoding: "utf8",
    });
    const messages = new Map<number, string>();
    for (const message of stdout.split(/^(?=mistakes\.mts)/m)) {
      const line = Number(/^mistakes\.mts\((\d+)/.exec(message)?.[1] ?? 0);
      messages.set(line, (messages.get(line) ?? "") + message);
    }
    const wanted = lines.flatMap((line, at) =>
      line.includes(EXPECTED)
        ? [[at + 2, line.slice(line.indexOf(EXPECTED) + EXPECTED.length)] as const]
        : [],
    );
    expect(wanted.length).toBeGreaterThan(20);
    for (const [line, part] of wanted)
      expect(messages.get(line) ?? "no error", lines[line - 1]).toContain(part);
    expect([...messages.keys()].filter((line) => line > 0)).toEqual(wanted.map(([line]) => line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 180_000);

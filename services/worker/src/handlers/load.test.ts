import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartupError } from "@holdfast/service";
import { expect, test } from "vitest";
import { loadHandlers } from "./load.ts";

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-handlers-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function failureOf(path: string): Promise<string> {
  const error = await loadHandlers(path).then(
    () => new Error("it loaded"),
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(StartupError);
  const { message } = error as Error;
  expect(message.split("\n")).toHaveLength(1);
  return message;
}

const TASK = "export const handlers = { 'a.one': () => 1, 'a.two': () => 2 };";

test("a module can export its handlers by name, as default, or as CommonJS", async () => {
  const folder = folderWith({
    "named.mjs": TASK,
    "default.mjs": "export default { 'b.one': () => 1 };",
    "common.cjs": "module.exports = { 'c.one': () => 1 };",
  });
  expect(Object.keys(await loadHandlers(join(folder, "named.mjs")))).toEqual(["a.one", "a.two"]);
  expect(Object.keys(await loadHandlers(folder)).sort()).toEqual(["a.one", "a.two", "b.one", "c.one"]);
});

test("a default function takes its task type from the name of the file", async () => {
  const folder = folderWith({ "email.send.mjs": "export default () => 'sent';" });
  const handlers = await loadHandlers(folder);
  expect(Object.keys(handlers)).toEqual(["email.send"]);
});

test("tests, hidden files, subfolders and files of other kinds are left out", async () => {
  const folder = folderWith({
    "a.mjs": TASK,
    "a.test.mjs": "throw new Error('loaded a test')",
    "_shared.mjs": "throw new Error('loaded a helper')",
    "notes.md": "",
    "lib/b.mjs": "throw new Error('loaded a subfolder')",
  });
  expect(Object.keys(await loadHandlers(folder))).toHaveLength(2);
});

test.each([
  ["a syntax error", "export const = 1", "does not load"],
  ["an import that is missing", "import 'not-installed-package'", "not-installed-package"],
  ["a throw", "throw new Error('no licence\\nfound')", "no licence"],
  ["no export", "export const other = 1;", "exports no handlers"],
  ["an empty record", "export const handlers = {};", "empty"],
  ["a value that is not a function", "export const handlers = { 'a.b': 'x' };", '"a.b"'],
  ["a type outside the pattern", "export const handlers = { 'a b': () => 1 };", '"a b"'],
])("a module with %s is refused in one line that names it", async (_name, text, named) => {
  const file = join(folderWith({ "bad.mjs": text }), "bad.mjs");
  const message = await failureOf(file);
  expect(message).toContain(file);
  expect(message).toContain(named);
});

test("a missing path, an empty folder and a type that two modules handle are refused", async () => {
  expect(await failureOf("/nowhere/handlers.mjs")).toContain("/nowhere/handlers.mjs");
  expect(await failureOf(folderWith({ "notes.md": "" }))).toContain("no module");
  const twice = await failureOf(folderWith({ "a.mjs": TASK, "b.mjs": TASK }));
  expect(twice).toMatch(/"a\.one" has a handler in .*a\.mjs and another one in .*b\.mjs/);
});

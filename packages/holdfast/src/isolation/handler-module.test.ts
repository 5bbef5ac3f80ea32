import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { loadHandlerModule } from "./handler-module.ts";

const execute = promisify(execFile);
const BUILT = new URL("../../dist/isolation/handler-module.js", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "holdfast-handler-module-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function moduleOf(name: string, code: string): string {
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

const COMPILED = `"use strict"; Object.defineProperty(exports, "__esModule", { value: true });`;

const FORMS: [name: string, code: string, types: string[]][] = [
  ["email.send.mjs", "export default async () => 1;", ["email.send"]],
  ["record.mjs", `export default { "a.b": () => 1, default: () => 2 };`, ["a.b", "default"]],
  ["named.mjs", "export const handlers = { a: () => 1 };", ["a"]],
  ["plain.send.cjs", "module.exports = async () => 1;", ["plain.send"]],
  ["record.cjs", "module.exports = { a: () => 1 };", ["a"]],
  ["named.cjs", "exports.handlers = { a: () => 1 };", ["a"]],
  // The code that TypeScript, swc, Babel and esbuild write for `export default` and `export const handlers`.
  ["ts.send.cjs", `${COMPILED} exports.default = send; async function send() {}`, ["ts.send"]],
  ["ts-record.cjs", `${COMPILED} exports.default = { a: () => 1 };`, ["a"]],
  ["ts-named.cjs", `${COMPILED} exports.handlers = void 0; exports.handlers = { a: () => 1 };`, ["a"]],
  [
    "esbuild.send.cjs",
    `const src = {}; Object.defineProperty(src, "__esModule", { value: true });
     Object.defineProperty(src, "default", { get: () => f, enumerable: true }); module.exports = src; const f = async () => 1;`,
    ["esbuild.send"],
  ],
  [
    "swc.cjs",
    `${COMPILED} Object.defineProperty(exports, "handlers", { enumerable: true, get: () => handlers });
     const handlers = { a: () => 1 };`,
    ["a"],
  ],
];

test("each form of a module yields its task types if Node loads it", async () => {
  const files = FORMS.map(([name, code]) => moduleOf(name, code));
  // The modules are loaded in another process, because the test runner changes default exports.
  const script = `
    import { loadHandlerModule } from ${JSON.stringify(BUILT.href)};
    const types = [];
    for (const file of process.argv.slice(1)) types.push(Object.keys(await loadHandlerModule(file)));
    console.log(JSON.stringify(types));`;
  const node = await execute(process.execPath, ["--input-type=module", "-e", script, ...files]);
  const named = (types: string[][]) => types.map((of, n) => [FORMS[n]?.[0], of]);
  expect(named(JSON.parse(node.stdout))).toEqual(named(FORMS.map(([, , types]) => types)));
});

test.each([
  ["nothing.mjs", "export const other = 1;", "exports no handlers"],
  ["nothing.cjs", `${COMPILED} exports.default = undefined;`, "exports no handlers"],
  ["array.mjs", "export default [() => 1];", "exports no handlers"],
  ["empty.mjs", "export default {};", "has an empty record of handlers"],
  ["text.mjs", `export const handlers = { a: "no function" };`, `handlers["a"] has to be a function`],
  ["type.mjs", `export const handlers = { "a b": () => 1 };`, "is not a valid task type"],
  ["broken.mjs", 'throw new TypeError("at load");', "does not load: TypeError: at load"],
])("%s is refused, and the error names the file", async (name, code, message) => {
  const loaded = loadHandlerModule(moduleOf(name, code));
  await expect(loaded).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining(message),
  });
  await expect(loaded).rejects.toThrow(name);
});

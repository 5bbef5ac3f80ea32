// Compiles the scripts of lua/ into packages/holdfast/src/redis/generated. It resolves includes, inlines the
// constants of lua/lib/format.lua, gives names to KEYS and ARGV, and writes typed bindings from each header.
//
// With `--check` it writes nothing, and fails if a file is out of date. With `--traced enqueue` it only prints a
// changed script `enqueue`, in which each fragment adds its path to the Redis set `fragments` when it begins to run.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import luaparse from "luaparse";
import { placeConstants } from "./lua/constants.mjs";
import { placeFunctions } from "./lua/functions.mjs";
import { print } from "./lua/print.mjs";
import { parse, walk } from "./lua/tree.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const luaDir = join(root, "lua");
const FOLDERS = ["transitions", "queries", "operators"];
const outDir = join(root, "packages/holdfast/src/redis/generated");
const check = process.argv.includes("--check");
const traced = process.argv.includes("--traced") ? process.argv.at(-1) : null;
const problems = [];

const camel = (text) => text.replace(/[:_]([a-z])/g, (_, letter) => letter.toUpperCase());

/** Parses the header of a script: `-- KEYS[1] part TYPE text`, `-- ARGV[2] name type text`, `-- RETURNS …`. */
function parseHeader(file, source) {
  const fail = (text) => problems.push(`lua/${file}: ${text}`);
  const header = { description: "", keys: [], args: [], tail: null, returns: "" };
  const name = basename(file, ".lua");
  for (const line of source.split("\n").slice(1)) {
    if (!line.startsWith("--")) break;
    const text = line.slice(2).trim();
    let match = /^KEYS\[(\d+)\] (\S+) {2}(\S+)(?: {2}(.*))?$/.exec(text);
    if (match) {
      if (Number(match[1]) !== header.keys.length + 1) fail(`KEYS[${match[1]}] is out of order`);
      header.keys.push({ part: match[2], type: match[3] });
      continue;
    }
    match = /^ARGV\[(\d+)(\.\.)?\] (\S+) {2}(integer|digits|string)(?: {2}(.*))?$/.exec(text);
    if (match) {
      if (Number(match[1]) !== header.args.length + 1) fail(`ARGV[${match[1]}] is out of order`);
      if (header.tail) fail("an argument follows the repeated ones");
      if (match[2]) header.tail = { name: match[3], at: Number(match[1]), text: match[5] ?? "" };
      else header.args.push({ name: match[3], type: match[4], text: match[5] ?? "" });
      continue;
    }
    match = /^(RETURNS|TIME|MOVES)\s+(.*)$/.exec(text);
    if (match) {
      if (match[1] === "RETURNS") header.returns = match[2];
      header[match[1]] = true;
      continue;
    }
    if (/^(KEYS|ARGV)/.test(text)) fail(`header line not understood: ${text}`);
    else if (header.description === "") {
      if (!text.startsWith(`${name}: `)) fail(`the header has to begin with "${name}: "`);
      header.description = text;
    }
  }
  for (const part of ["RETURNS", "TIME", "MOVES"])
    if (!header[part]) fail(`${part} is missing in the header`);
  if (!source.startsWith("#!lua")) fail("the first line has to be #!lua with its flags");
  return header;
}

/**
 * Replaces each include by its fragment, which gets the indentation of the line that follows the include. A fragment
 * that the script has included before, outside of every branch, is left out.
 * @param before the fragments that were included outside of every branch
 */
function resolveIncludes(file, source, before = new Set(), isBranch = false) {
  return source.replace(/^-- include (\S+)$/gm, (_, path, at) => {
    const found = join(luaDir, path);
    if (!existsSync(found)) {
      problems.push(`lua/${file}: no ${path}`);
      return "";
    }
    if (before.has(path)) return "";
    const mark = traced === null ? "" : `redis.call('SADD', 'fragments', 'lua/${path}')\n`;
    const [, following, end] = /^(?:-- include .*\n|\n)*( *)(e(?:nd|lse|lseif)\b)?/.exec(source.slice(at));
    const indent = end === undefined ? following : `${following}  `;
    const isInBranch = isBranch || indent !== "";
    if (!isInBranch) before.add(path);
    const fragment = resolveIncludes(file, readFileSync(found, "utf8").trimEnd(), before, isInBranch);
    return `${mark}${fragment}`.replace(/^(?=.)/gm, indent);
  });
}

function assemble(file, source, header) {
  const [shebang, ...rest] = source.split("\n");
  const body = rest.filter(
    (line, i) => !(line.startsWith("--") && rest.slice(0, i).every((before) => before.startsWith("--"))),
  );
  const isInteger = (arg) => arg.type === "integer";
  const names = new Map([
    ...format.map(({ name, lua }) => [name, lua]),
    ...header.keys.map((key, i) => [`${camel(key.part.replace(/^:/, ""))}Key`, `KEYS[${i + 1}]`]),
    ...header.args.flatMap((arg, i) => (isInteger(arg) ? [] : [[arg.name, `ARGV[${i + 1}]`]])),
    ...(header.tail ? [[`${header.tail.name}At`, `${header.tail.at}`]] : []),
  ]);
  const locals = header.args.flatMap((arg, i) =>
    isInteger(arg) ? [`local ${arg.name} = tonumber(ARGV[${i + 1}])`] : [],
  );
  try {
    const tree = parse([...locals, resolveIncludes(file, body.join("\n"))].join("\n"));
    placeConstants(tree, names);
    placeFunctions(tree);
    checkGlobals(file, tree);
    return `${shebang}\n${print(tree)}`;
  } catch (error) {
    problems.push(`lua/${file}: ${error.message}`);
    return "";
  }
}

/**
 * Returns the constants of lua/lib/format.lua: name -> value. If a value is the byte of a letter, the letter is
 * returned too.
 */
function readFormat() {
  const { body, comments } = luaparse.parse(readFileSync(join(luaDir, "lib/format.lua"), "utf8"), {
    luaVersion: "5.1",
    locations: true,
    encodingMode: "pseudo-latin1",
  });
  return body.map(({ variables: [{ name }], init: [value], loc }) => {
    const letter = value.type === "CallExpression" ? value.arguments[0].value : null;
    const above = [];
    for (let line = loc.start.line - 1; ; line--) {
      const comment = comments.find((comment) => comment.loc.start.line === line);
      if (!comment) break;
      above.unshift(comment.value.trim());
    }
    const constant = letter ?? value.value;
    return {
      name,
      lua: letter === null ? value.raw : String(letter.charCodeAt(0)),
      constant,
      comment: above.join(" "),
    };
  });
}

/** Returns the TypeScript module with the constants that the library and the scripts share. */
function formatModule(constants) {
  const lines = constants.map(
    ({ name, constant, comment }) =>
      `${comment === "" ? "" : `\n/** ${comment} */\n`}export const ${name} = ${JSON.stringify(constant)};`,
  );
  return `// Made from lua/lib/format.lua by scripts/generate-bindings.mjs. Do not edit.\n${lines.join("\n")}\n`;
}

/** Reports names that are not declared. Redis would report such a name only when a call reaches its line. */
function checkGlobals(file, tree) {
  const known = new Set([
    "redis",
    "struct",
    "string",
    "table",
    "math",
    "KEYS",
    "ARGV",
    "tonumber",
    "tostring",
    "ipairs",
    "pairs",
    "unpack",
  ]);
  walk(tree, ({ type, name, local }) => {
    if (type === "Identifier" && !local && !known.has(name))
      problems.push(`lua/${file}: ${name} is neither a local nor declared in KEYS or ARGV`);
  });
}

function binding(file, name, header, source) {
  const sha1 = createHash("sha1").update(source).digest("hex");
  const type = `${name[0].toUpperCase()}${name.slice(1)}Args`;
  const own = header.keys.filter((key) => key.part === "index");
  const fields = [
    ...own.map(() => "  indexKey: string;"),
    ...header.args.map(
      (arg) =>
        `  ${arg.text ? `/** ${arg.text} */\n  ` : ""}${arg.name}: ${arg.type === "string" ? "string" : "number"};`,
    ),
    ...(header.tail ? [`  /** ${header.tail.text} */\n  tail: readonly (string | number)[];`] : []),
  ];
  // If the name of a key begins with a colon, the key belongs to the system. In a Cluster, keys of the system and
  // keys of a queue may be on different nodes, so no script may use both.
  const system = header.keys.some((key) => key.part.startsWith(":"));
  if (system && !header.keys.every((key) => key.part.startsWith(":")))
    problems.push(`${name}: keys of a queue and of the system may be on different nodes`);
  const keys = header.keys.map((key) =>
    key.part === "index" ? "a.indexKey" : `k.${camel(key.part.replace(/^:/, ""))}`,
  );
  const args = [...header.args.map((arg) => `a.${arg.name}`), ...(header.tail ? ["...a.tail"] : [])];
  return `// Made from lua/${file} by scripts/generate-bindings.mjs. Do not edit.
${system ? 'import type { SystemKeys } from "../keys.ts";\n' : ""}import type { Script } from "../script.ts";

${fields.length > 0 ? `export interface ${type} {\n${fields.join("\n")}\n}` : `export type ${type} = Record<string, never>;`}

/** ${header.description} Returns ${header.returns}. */
export const ${name}Script: Script<${type}${system ? ", SystemKeys" : ""}> = {
  name: "${name}",
  sha1: "${sha1}",
  keyCount: ${header.keys.length},
  argv: (${keys.some((key) => key.startsWith("k.")) ? "k" : "_k"}, ${fields.length > 0 ? "a" : "_a"}) => [${[...keys, ...args].join(", ")}],
  source: ${JSON.stringify(source)},
};
`;
}

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(luaDir, folder)).map((name) => `${folder}/${name}`),
)
  .filter((file) => file.endsWith(".lua"))
  .sort((one, other) => (basename(one) < basename(other) ? -1 : 1));
const format = readFormat();
const outputs = new Map();
for (const file of files) {
  const name = camel(basename(file, ".lua"));
  const source = readFileSync(join(luaDir, file), "utf8");
  const header = parseHeader(file, source);
  if (traced === name) process.stdout.write(assemble(file, source, header));
  if (traced !== null) continue;
  outputs.set(`${name}.ts`, binding(file, name, header, assemble(file, source, header)));
}
outputs.set("index.ts", `${[...outputs.keys()].map((file) => `export * from "./${file}";`).join("\n")}\n`);

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
if (traced !== null) process.exit(0);
mkdirSync(outDir, { recursive: true });
const stale = readdirSync(outDir).filter((file) => !outputs.has(file));
outputs.set("../../engine/format.ts", formatModule(format));
for (const [file, text] of outputs) {
  const path = join(outDir, file);
  const before = existsSync(path) ? readFileSync(path, "utf8") : null;
  if (before === text) continue;
  if (check) problems.push(`${relative(root, path)} is out of date: run make generate`);
  else writeFileSync(path, text);
}
for (const file of stale) {
  if (check) problems.push(`packages/holdfast/src/redis/generated/${file} has no script`);
  else rmSync(join(outDir, file));
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

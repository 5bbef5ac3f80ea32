import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import luaparse from "luaparse";
import { expect, onTestFinished, test } from "vitest";
import { run as holdfast } from "../../packages/cli/src/program.ts";
import { parseEndpoints } from "../../services/dispatcher/src/endpoints-file.ts";
import { descriptions } from "../../site/http-reference.mjs";
import { BLOCKS } from "./blocks.mjs";

// Checks the blocks that no other test runs (see blocks.mjs).
const root = resolve(import.meta.dirname, "../..");
const own = BLOCKS.filter(({ by }) => by === "test/docs/blocks.test.mjs");
const inLanguage = (wanted) => own.filter(({ language }) => language === wanted);

function scratch(parent, name) {
  const folder = mkdtempSync(join(parent, name));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("every block is run, compiled or checked by a test, or is marked as an illustration", () => {
  expect(BLOCKS.length).toBeGreaterThan(200);
  expect(BLOCKS.filter(({ fate }) => fate === undefined).map(({ place }) => place)).toEqual([]);
  expect(BLOCKS.filter(({ by }) => by && !existsSync(join(root, by))).map(({ place }) => place)).toEqual([]);
});

test("the TypeScript compiles under strict, with the names that the pages use without saying what they are", () => {
  const blocks = inLanguage("ts");
  expect(blocks.length).toBeGreaterThan(4);
  // A folder inside node_modules, so that the compiler finds the built library.
  const folder = scratch(join(root, "node_modules"), ".blocks-");
  const names = {
    queue: 'import("holdfast").Queue',
    observer: 'import("holdfast").Observer',
    payload: "{ to: string }",
    url: "string",
    redis: "string",
    handleOrder: 'import("holdfast").Handler',
    handleOrderOfVersion2: 'import("holdfast").Handler',
  };
  const known = Object.entries(names).map(([name, type]) => `  const ${name}: ${type};`);
  writeFileSync(join(folder, "names.d.ts"), `declare global {\n${known.join("\n")}\n}\nexport {};\n`);
  const places = new Map();
  for (const { place, code } of blocks) {
    const file = `${place.replaceAll(/\W+/g, "-")}.mts`;
    places.set(file, place);
    const used =
      code.includes("Worker(") && !/import .*Worker/.test(code) ? 'import { Worker } from "holdfast"; ' : "";
    writeFileSync(join(folder, file), `${used}${code}\nexport {};\n`);
  }
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
  const { stdout } = spawnSync(
    process.execPath,
    [compiler, ...options, ...modules, "names.d.ts", ...places.keys()],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  expect(stdout.replaceAll(/^[\w-]+\.mts/gm, (file) => places.get(file))).toBe("");
}, 400_000);

/** Commands of other programs. The test does not check whether they exist or what they do. */
const FOREIGN = new Set(
  "awk certbot cp docker git grep helm install jq kubectl mkdir nginx openssl pip pm2 psql redis-cli sed sleep systemctl useradd uv".split(
    " ",
  ),
);

/**
 * Lets bash parse the blocks. bash splits each block into commands and their arguments, and calls this function
 * instead of every program.
 */
const RECORDING = `
PATH=/nowhere
record() { printf '%s\\0' "$@" $'\\n' >>"$RECORD"; }
command_not_found_handle() { record "$@"; }
cd() { :; }
kill() { :; }
alias() { :; }
source() { :; }
`;

/** @returns the commands of a block as arrays of arguments, and the syntax errors that bash reports */
function commandsOf({ code }, folder) {
  const file = join(folder, "record");
  writeFileSync(file, "");
  // bash never calls a function for a command with a slash in its name, so such commands get "record" in front.
  const script = code
    .replaceAll(/<[a-z][^>\n]*>/g, "placeholder")
    .replaceAll(/^(?:\.\/)?((?:scripts|node_modules|\.holdfast)\/\S+)/gm, "record $1");
  const { status, stderr } = spawnSync("/bin/bash", ["-c", `${RECORDING}${script}\n:`], {
    cwd: folder,
    env: { RECORD: file, HOME: folder, PWD: folder },
    encoding: "utf8",
    timeout: 20_000,
  });
  const words = readFileSync(file, "utf8").split("\0").slice(0, -1);
  const commands = words
    .join("\0")
    .split("\0\n")
    .map((command) => command.split("\0").filter((word, at) => at > 0 || word));
  return {
    commands: commands.filter(([name]) => name),
    problem: status === 0 ? "" : stderr || `ended with ${status}`,
  };
}

/**
 * Parses a command line with the program itself. Its signal is aborted from the start, so it ends before it connects. A
 * command that needs no Redis runs, and writes its files into the folder.
 */
async function parses(args, folder) {
  // These two commands would start processes or write a project, so they are not run.
  const starts = ["dev", "init"].includes(args[0]);
  let said = "";
  const write = (text, done) => {
    said += text;
    return done?.() ?? true;
  };
  const stream = { write, isTTY: false, columns: 80, once() {}, on() {} };
  const io = {
    env: { REDIS_URL: "redis://127.0.0.1:1" },
    stdin: Readable.from([]),
    stdout: stream,
    stderr: stream,
    outputError: () => null,
    signal: AbortSignal.abort(),
  };
  const here = args.map((word, at) => (args[at - 1] === "--file" ? join(folder, word) : word));
  if (starts) {
    await holdfast([args[0], "--help"], "0", io);
    return said.includes(`Usage: holdfast ${args[0]}`) ? "" : said;
  }
  const code = await holdfast(here, "0", io);
  return code === 2 ? said : "";
}

const makefile = readFileSync(join(root, "Makefile"), "utf8");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** @returns what is wrong with a command; "" if nothing is; null if the program is not checked */
async function problemOf([name, ...args], apis, folder) {
  if (name === "holdfast") return parses(args, folder);
  if (name === "npx" && args[0] === "holdfast") return parses(args.slice(1), folder);
  if (name === "make") {
    const targets = args.filter((word) => /^[a-z][a-z-]*$/.test(word));
    return targets.filter((target) => !makefile.includes(`\n${target}:`)).join();
  }
  if (name === "curl") return curlProblem(args, apis);
  if (name === "node" || name.includes("/")) {
    const file = name === "node" ? args.find((word) => !word.startsWith("-")) : name;
    // The Python environment may be missing, because scripts/setup makes it.
    return file.startsWith(".holdfast/") || existsSync(join(root, file)) ? "" : `${file} does not exist`;
  }
  if (name === "npx" && args[0] === "vitest")
    return args
      .slice(1)
      .filter((word) => word.includes("/") && !existsSync(join(root, word)))
      .join();
  if (name === "pnpm" && args[0] === "run") return scripts[args[1]] ? "" : `no script ${args[1]}`;
  if (name === "pnpm" && args[0] === "--filter") return filterProblem(args);
  if (name === "npx" && args[0].startsWith("holdfast-")) return binProblem(args[0]);
  if (["npm", "npx", "pnpm", "python", "go", "pytest", "ruff", "mypy"].includes(name) || FOREIGN.has(name))
    return null;
  return `unknown command ${name}`;
}

function filterProblem([, filter, script]) {
  const folder = filter.replace("@holdfast/example-", "examples/");
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  return manifest.name === filter && manifest.scripts[script] ? "" : `${filter} has no script ${script}`;
}

function binProblem(bin) {
  const manifest = JSON.parse(
    readFileSync(join(root, "services", bin.slice("holdfast-".length), "package.json"), "utf8"),
  );
  return manifest.bin?.[bin] ? "" : `no package has the command ${bin}`;
}

function curlProblem(args, apis) {
  const url = args.find((word) => /(localhost|127\.0\.0\.1):300[0-2]\//.test(word));
  if (!url) return null;
  const at = (...names) => args[args.findIndex((word) => names.includes(word)) + 1];
  const has = (name) => args.includes(name);
  const method = has("-X") ? at("-X") : has("-d") || has("--data-binary") ? "POST" : "GET";
  const { port, pathname } = new URL(/^http/.test(url) ? url : `http://${url}`);
  const api = apis[{ 3000: "producer-api", 3001: "observability", 3002: "worker-api" }[port]];
  const path = Object.keys(api.paths).find((route) =>
    new RegExp(`^${route.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(pathname),
  );
  if (["/livez", "/readyz", "/metrics", "/openapi.json"].includes(pathname)) return "";
  if (has("-d")) JSON.parse(at("-d"));
  return api.paths[path]?.[method.toLowerCase()] ? "" : `there is no ${method} ${pathname}`;
}

test("the commands of the shell blocks, their options, targets, files and routes exist", async () => {
  const apis = await descriptions();
  const folder = scratch(tmpdir(), "holdfast-blocks-");
  const problems = [];
  const read = [];
  for (const block of inLanguage("sh")) {
    const { commands, problem } = commandsOf(block, folder);
    if (problem) problems.push(`${block.place}: ${problem}`);
    read.push({ block, commands });
  }
  // A command that needs Redis gives up after a second. All commands run together, so this second passes only once.
  const wrongs = ({ commands }) => Promise.all(commands.map((command) => problemOf(command, apis, folder)));
  const answers = await Promise.all(read.map(wrongs));
  for (const [at, { block, commands }] of read.entries()) {
    const found = answers[at];
    for (const [place, wrong] of found.entries())
      if (wrong) problems.push(`${block.place}: ${commands[place].join(" ")}: ${wrong}`);
    if (found.every((wrong) => wrong === null))
      problems.push(`${block.place}: nothing in it is checked: mark it as an illustration`);
  }
  expect(problems).toEqual([]);
}, 400_000);

test("the JSON of the pages is what the services read and send", async () => {
  const [file, answer, ...rest] = inLanguage("json");
  expect(rest).toEqual([]);
  expect(file.page).toBe("docs/webhooks.md");
  const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
  const folder = scratch(tmpdir(), "holdfast-endpoints-");
  writeFileSync(join(folder, "billing.secret"), secret);
  expect(parseEndpoints(JSON.parse(file.code), folder, { PARTNER_SECRET: secret })).toMatchObject({
    endpoints: [{ name: "billing" }],
    webhooks: [{ name: "partner" }],
  });
  expect(answer.page).toBe("docs/worker-protocol.md");
  const { responses } = (await descriptions())["worker-api"].paths["/v1/queues/{queue}/work/acquire"].post;
  const { properties } = responses[200].content["application/json"].schema;
  const { tasks, ...others } = JSON.parse(answer.code);
  expect(Object.keys(others).filter((name) => !properties[name])).toEqual([]);
  expect(Object.keys(tasks[0]).sort()).toEqual(Object.keys(properties.tasks.items.properties).sort());
}, 400_000);

test("the Lua of the pages can be parsed", () => {
  for (const { code } of inLanguage("lua"))
    expect(() => luaparse.parse(code.replace(/^#!.*/, ""), { luaVersion: "5.1" })).not.toThrow();
});

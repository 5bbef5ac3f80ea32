import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { expectSame } from "./expect-same.mjs";
import { checkFirstMinutes } from "./first-minutes.mjs";
import { checkInit } from "./init.mjs";
import { checkServices } from "./systems.mjs";

const root = resolve(import.meta.dirname, "../..");
const read = (path) => readFileSync(join(root, path), "utf8");

/**
 * An app that runs one task for longer than its lease, and one task in a separate process. It prints the results as
 * JSON.
 */
const APP = read("packages/holdfast/test/bundle/app.mjs");
const APP_TOLD = {
  slow: ["completed", '"once"', 1, 0],
  apart: ["completed", true],
  words: "At 00:00",
  errors: [],
  require: "undefined",
};
const APP_FILES = {
  "app.mjs": APP,
  "app.cjs": APP.replace(/^import (.*) from (.*);$/gm, "const $1 = require($2);"),
  "handlers.mjs": "export const handlers = { apart: () => process.pid };\n",
};
const TYPED = read("test/packages/fixtures/app.ts");
const TYPED_TOLD = {
  state: "completed",
  result: '{"twice":42}',
  alone: { twice: 8 },
  refused: "invalid_task_type",
  known: ["function", true],
};
/** An app that mounts the dashboard. It prints the answers of the dashboard. */
const MOUNTED = `
import express, { type Request } from "express";
import { type Authorize, mountDashboard } from "@holdfast/observability";

const authorize: Authorize = (request: Request) =>
  request.get("cookie") === "sid=secret" && { label: "ada", role: "admin" };
const app = express();
const [redis = "", prefix = ""] = process.argv.slice(2);
const dashboard = mountDashboard(app, { path: "/admin/queues", redis, prefix, authorize });
const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as { port: number };
  const get = (cookie: string) => fetch(\`http://127.0.0.1:\${port}/admin/queues/\`, { headers: { cookie } });
  const known = await get("sid=secret");
  const isPage = (await known.text()).includes("assets/");
  console.log(JSON.stringify({ known: known.status, unknown: (await get("sid=wrong")).status, isPage }));
  await dashboard.stop();
  server.close();
});
`;
const TYPESCRIPT = ["typescript@7.0.2", "typescript5@npm:typescript@5.9.3", "@types/node@20.19.43"];
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: "es2023",
  types: ["node"],
  outDir: "out",
};

/** Node 20 has no SQLite. This package has the same calls as the SQLite of Node 22. */
const OUTBOX_USES = [
  "@photostructure/sqlite@1.2.1",
  "pg@8.23.1",
  "@types/pg@8.23.1",
  "@opentelemetry/api@1.9.1",
];
const OUTBOX_APP = `import { Outbox, OutboxRelay } from "@holdfast/outbox";
import { HoldfastError, Queue } from "holdfast";
import { DatabaseSync } from "@photostructure/sqlite";

const [, , redis, prefix] = process.argv;
const database = new DatabaseSync(":memory:");
const outbox = new Outbox();
await outbox.migrate(database);
const { id } = outbox.enqueueTx(database, "packed", "mail", { to: "ada" });
const relay = new OutboxRelay({ database, redis, prefix });
const rows = await relay.runOnce();
await relay.stop();
const queue = new Queue("packed", { redis, prefix });
const { state } = await queue.get(id);
await queue.close();
let isSame = false;
try {
  outbox.enqueueTx(database, "packed", "n o", 1);
} catch (error) {
  isSame = error instanceof HoldfastError;
}
console.log(JSON.stringify({ rows, state, isSame }));
`;
const OUTBOX_TOLD = { rows: 1, state: "pending", isSame: true };
const OUTBOX_TYPED = `import { Outbox, OutboxRelay } from "@holdfast/outbox";
import { defineTask } from "holdfast";
import pg from "pg";

const pool = new pg.Pool();
const client = await pool.connect();
const outbox = new Outbox({ table: "outbox" });
await outbox.migrate(pool);
const { id } = await outbox.enqueueTx(client, "mails", "welcome", { to: "ada" }, { delayMs: 5_000 });
const welcome = defineTask<{ to: string }>("welcome");
await outbox.enqueueTx(client, "mails", welcome, { to: id });
// @ts-expect-error the payload has no name
await outbox.enqueueTx(client, "mails", welcome, { name: id });
// @ts-expect-error always "duplicate"
await outbox.enqueueTx(client, "mails", "welcome", 1, { ifEnded: "again" });
new OutboxRelay({ database: pool, outbox, redis: "redis://127.0.0.1" }).start();
`;

/** Yields pairs: a name, and a function that throws if this kind of use does not work. */
export function* consumers({ tools, redis, track }) {
  const holdfast = tools.tarball("holdfast");
  let systems = 0;
  /** Returns a new key prefix, which keeps a consumer apart from the others. */
  const prefix = () => `p${++systems}`;

  const runApp = async (folder, file, told = APP_TOLD) => {
    const { stdout, stderr } = await tools.node(folder, file, redis, prefix());
    if (stderr !== "") throw new Error(`${file} wrote to stderr: ${stderr}`);
    expectSame(JSON.parse(stdout), told, file);
  };

  for (const name of tools.names)
    yield [
      `publint, ${name}`,
      () => tools.tool("tools", "publint/src/cli.js", "run", tools.tarball(name), "--strict"),
    ];
  yield [
    "attw, holdfast",
    // The checker's rule is outdated: since 20.19, Node can load ES modules with require.
    () =>
      tools.tool(
        "tools",
        "@arethetypeswrong/cli/dist/index.js",
        holdfast,
        "--ignore-rules",
        "cjs-resolves-to-esm",
      ),
  ];

  const managers = {
    npm: (folder) => tools.npm(folder, holdfast),
    pnpm: (folder) =>
      tools.run(folder, tools.path("tools/node_modules/.bin/pnpm"), [
        "add",
        "--store-dir",
        tools.path("pnpm-store"),
        holdfast,
      ]),
    "yarn 1": (folder) => tools.tool(folder, "yarn/bin/yarn.js", "add", "--no-progress", holdfast),
    "yarn 4": (folder) =>
      tools.tool(folder, "@yarnpkg/cli-dist/bin/yarn.js", "add", `holdfast@file:${holdfast}`),
  };
  for (const [manager, install] of Object.entries(managers))
    yield [
      `${manager}, an ES module and CommonJS`,
      async () => {
        const folder = manager.replace(" ", "-");
        tools.folder(
          folder,
          { private: true },
          {
            ...APP_FILES,
            // Without this file, Yarn 4 would look for a project in the parent folders.
            "yarn.lock": "",
            ".yarnrc.yml":
              "nodeLinker: node-modules\nenableGlobalCache: false\nenableImmutableInstalls: false\n",
          },
        );
        await install(folder);
        await runApp(folder, "app.mjs");
        await runApp(folder, "app.cjs");
      },
    ];

  const typescripts = {
    "module nodenext, an ES module": ["typescript", "module", { module: "nodenext" }],
    "module nodenext, CommonJS": ["typescript", "commonjs", { module: "nodenext" }],
    "moduleResolution bundler": ["typescript", "module", { module: "esnext", moduleResolution: "bundler" }],
    "5.9, module nodenext, CommonJS": ["typescript5", "commonjs", { module: "nodenext" }],
    "5.9, module commonjs": ["typescript5", "commonjs", { module: "commonjs" }],
  };
  let isTypeScriptInstalled = false;
  for (const [name, [compiler, type, options]] of Object.entries(typescripts))
    yield [
      `TypeScript ${name}`,
      async () => {
        if (!isTypeScriptInstalled) {
          tools.folder("typescript", { private: true });
          await tools.npm("typescript", holdfast, ...TYPESCRIPT, "@opentelemetry/api@1.9.1");
          isTypeScriptInstalled = true;
        }
        const folder = `typescript/${name.replace(/\W+/g, "-")}`;
        tools.folder(
          folder,
          { private: true, type },
          {
            "app.ts": TYPED,
            "tsconfig.json": JSON.stringify({
              compilerOptions: { ...STRICT, ...options },
              files: ["app.ts"],
            }),
          },
        );
        await tools.node(folder, tools.path("typescript/node_modules", compiler, "bin/tsc"), "-p", ".");
        await runApp(folder, "out/app.js", TYPED_TOLD);
      },
    ];

  for (const [format, file] of [
    ["esm", "app.mjs"],
    ["cjs", "app.cjs"],
  ])
    yield [
      `esbuild, a bundle as ${format}`,
      async () => {
        const folder = `esbuild-${format}`;
        tools.folder(`${folder}/source`, { private: true }, APP_FILES);
        await tools.npm(`${folder}/source`, holdfast);
        tools.folder(`${folder}/bundle`, {}, { "handlers.mjs": APP_FILES["handlers.mjs"] });
        await build({
          absWorkingDir: tools.path(folder, "source"),
          entryPoints: [tools.path(folder, "source/app.mjs")],
          bundle: true,
          platform: "node",
          format,
          outfile: tools.path(folder, "bundle", file),
          logLevel: "error",
        });
        await runApp(`${folder}/bundle`, file);
      },
    ];

  const testFiles = {
    "app.test.js": read("test/packages/fixtures/app.test.js"),
    "handlers.mjs": APP_FILES["handlers.mjs"],
  };
  const runners = {
    Vitest: ["vitest@4.1.12", "vitest/vitest.mjs", ["run", "--globals"], {}],
    Jest: [
      "jest@30.5.2",
      "jest/bin/jest.js",
      ["--detectOpenHandles"],
      { NODE_OPTIONS: "--experimental-vm-modules" },
    ],
  };
  for (const [name, [version, path, args, env]] of Object.entries(runners))
    yield [
      name,
      async () => {
        const manifest = { private: true, type: "module", jest: { transform: {} } };
        tools.folder(name, manifest, testFiles);
        await tools.npm(name, holdfast, version);
        const program = tools.path(name, "node_modules", path);
        const { stdout, stderr } = await tools.run(name, process.execPath, [program, ...args], {
          ...env,
          REDIS: redis,
          PREFIX: prefix(),
        });
        const output = stdout + stderr;
        if (!/2 passed/.test(output) || /open handle|did not exit|timed out|hanging/i.test(output))
          throw new Error(output);
      },
    ];

  yield [
    "the outbox, with npm, TypeScript and SQLite",
    async () => {
      const files = {
        "app.mjs": OUTBOX_APP,
        "app.cjs": `(async () => {\n${OUTBOX_APP.replace(/^import (.*) from (.*);$/gm, "const $1 = require($2);")}})();\n`,
        "typed.ts": OUTBOX_TYPED,
        "tsconfig.json": JSON.stringify({
          compilerOptions: { ...STRICT, module: "nodenext" },
          files: ["typed.ts"],
        }),
      };
      tools.folder("outbox", { private: true, type: "module" }, files);
      await tools.npm("outbox", holdfast, tools.tarball("holdfast-outbox"), ...OUTBOX_USES, ...TYPESCRIPT);
      await runApp("outbox", "app.mjs", OUTBOX_TOLD);
      await runApp("outbox", "app.cjs", OUTBOX_TOLD);
      await tools.node("outbox", tools.path("outbox/node_modules/typescript/bin/tsc"), "-p", ".");
    },
  ];

  yield [
    "an Express app with the dashboard, in TypeScript",
    async () => {
      const compilerOptions = { ...STRICT, module: "nodenext" };
      const tsconfig = JSON.stringify({ compilerOptions, files: ["app.ts"] });
      tools.folder(
        "mounted",
        { private: true, type: "module" },
        { "app.ts": MOUNTED, "tsconfig.json": tsconfig },
      );
      const dashboard = tools.tarball("holdfast-observability");
      await tools.npm("mounted", dashboard, "express@5.3.0", "@types/express@5.0.6", ...TYPESCRIPT);
      await tools.node("mounted", tools.path("mounted/node_modules/typescript/bin/tsc"), "-p", ".");
      await runApp("mounted", "out/app.js", { known: 200, unknown: 403, isPage: true });
    },
  ];
  yield [
    "the first minutes: npm install, holdfast dev, a task in the dashboard",
    () => checkFirstMinutes(tools),
  ];
  yield ["holdfast init, a project that compiles, tests and runs", () => checkInit(tools)];
  yield ["the services and the command", () => checkServices({ tools, redis, track, prefix: prefix() })];
}

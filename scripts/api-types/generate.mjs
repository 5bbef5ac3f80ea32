// Types of every route for the dashboard, made of the OpenAPI document of observability. The built service itself is
// asked for it, over a Redis that is not there: it serves its document all the same. `--check` writes nothing and fails
// where the file is not fresh. Needs `tsc -b` first.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTypes, { astToString } from "openapi-typescript";

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const service = at("services/observability/dist/main.js");
const target = at("dashboard/src/api/generated/observability.ts");
const DEADLINE_MS = 60_000;

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function readDocument() {
  if (!existsSync(service)) throw new Error("services/observability is not built: run `pnpm exec tsc -b`");
  const port = await freePort();
  const child = spawn(process.execPath, [service], {
    env: {
      PATH: process.env.PATH ?? "",
      HOST: "127.0.0.1",
      OBSERVABILITY_PORT: String(port),
      REDIS_URL: "redis://127.0.0.1:1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  let exited = false;
  child.once("exit", () => {
    exited = true;
  });
  try {
    for (const until = Date.now() + DEADLINE_MS; Date.now() < until && !exited; ) {
      const response = await fetch(`http://127.0.0.1:${port}/openapi.json`).catch(() => null);
      if (response?.ok) return await response.json();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`observability did not serve its OpenAPI document:\n${output}`);
  } finally {
    child.kill("SIGKILL");
  }
}

const document = await readDocument();
const types = astToString(await openapiTypes(document, { alphabetize: true, defaultNonNullable: false }));
const text = `// Made by scripts/api-types/generate.mjs of the OpenAPI document of observability. Do not edit.\n${types}`;

if (!process.argv.includes("--check")) {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
} else if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
  console.error("dashboard/src/api/generated is not fresh: run `pnpm run generate` and commit what changes");
  process.exitCode = 1;
}

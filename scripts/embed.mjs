// Writes packages/holdfast/dist/embedded.js. It exports two programs, each as the text of one CommonJS file: the
// heartbeat thread, and the child process of isolated(). Bundlers include this module, because own-code.ts imports it.
// They would not include two separate program files.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = new URL("../packages/holdfast/dist/", import.meta.url);

async function textOf(file) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(file, dist))],
    bundle: true,
    platform: "node",
    // The oldest version of Node that Holdfast supports.
    target: "node20.19",
    format: "cjs",
    minify: true,
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].text;
}

const code = {
  heartbeatThread: await textOf("worker/heartbeat-thread.js"),
  isolationChild: await textOf("isolation/child.js"),
};
const lines = Object.entries(code).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`);
writeFileSync(new URL("embedded.js", dist), lines.join(""));

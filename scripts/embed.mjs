// Makes one CommonJS file of each of the two programs of the library: the heartbeat thread, and the child process of
// isolated(). A single file starts much faster than a hundred modules. It stands beside the modules in
// packages/holdfast/dist. dist/embedded.js exports the same two texts. Bundlers include it, because own-code.ts imports
// it. They would not include two separate program files.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = new URL("../packages/holdfast/dist/", import.meta.url);

/** Writes `<program>.cjs`. @returns its text */
async function bundle(program) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`${program}.js`, dist))],
    bundle: true,
    platform: "node",
    // The oldest version of Node that Holdfast supports.
    target: "node20.19",
    format: "cjs",
    minify: true,
    write: false,
    logLevel: "error",
  });
  const [{ text }] = outputFiles;
  writeFileSync(new URL(`${program}.cjs`, dist), text);
  return text;
}

const code = {
  heartbeatThread: await bundle("worker/heartbeat-thread"),
  isolationChild: await bundle("isolation/child"),
};
const lines = Object.entries(code).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`);
writeFileSync(new URL("embedded.js", dist), lines.join(""));

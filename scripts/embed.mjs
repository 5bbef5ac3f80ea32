// Bundles the two programs of the library into one CommonJS text each: the heartbeat thread, and the child process of
// isolated(). dist/embedded.js exports both texts. own-code.ts imports it, so bundlers include it; they would not
// include two separate program files. The heartbeat thread is also written as a file, because one file starts much
// faster than a hundred modules.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = new URL("../packages/holdfast/dist/", import.meta.url);

async function textOf(program) {
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
  return outputFiles[0].text;
}

const code = {
  heartbeatThread: await textOf("worker/heartbeat-thread"),
  isolationChild: await textOf("isolation/child"),
};
const lines = Object.entries(code).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`);
writeFileSync(new URL("embedded.js", dist), lines.join(""));
writeFileSync(new URL("worker/heartbeat-thread.cjs", dist), code.heartbeatThread);

import { spawn } from "node:child_process";

const LIMIT_MS = 90_000;
const running = new Set();

/**
 * Runs a module in a separate process, with `args` as JSON in the first argument. Resolves with the JSON in its last
 * line of output.
 */
export function runNode(file, args) {
  return new Promise((resolve, reject) => {
    const path = file instanceof URL ? file.pathname : file;
    const child = spawn(process.execPath, [path, JSON.stringify(args)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      const last = out.trimEnd().split("\n").at(-1) ?? "";
      try {
        if (code !== 0) throw new Error(`ended with ${signal ?? code}`);
        resolve(JSON.parse(last));
      } catch (error) {
        reject(new Error(`${path} ${JSON.stringify(args)}: ${error.message}\n${err.slice(-2_000)}`));
      }
    });
  });
}

export function endChildren() {
  for (const child of running) child.kill("SIGKILL");
}

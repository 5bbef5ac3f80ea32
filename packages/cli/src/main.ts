import { readFileSync } from "node:fs";
import { run } from "./program.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

// After an interruption, a command may wait for Redis for this long, ms.
const STOP_MS = 5_000;

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (ending.signal.aborted) process.exit(1);
    ending.abort();
    setTimeout(() => process.exit(1), STOP_MS).unref();
  });
}
const { env, stdin, stdout, stderr } = process;
let outputError: NodeJS.ErrnoException | null = null;
stdout.on("error", (error: NodeJS.ErrnoException) => {
  outputError ??= error;
});
// If stderr fails, there is no other place to report the error.
stderr.on("error", () => {});

process.exitCode = await run(process.argv.slice(2), version, {
  env,
  stdin,
  stdout,
  stderr,
  outputError: () => outputError,
  signal: ending.signal,
});
// If stdin was not read to its end, it would keep the process alive.
stdin.destroy();

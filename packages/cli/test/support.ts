import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";

export const bin = resolve(import.meta.dirname, "../bin/holdfast.js");

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  stdout(): string;
  ended: Promise<Ended>;
}

/**
 * Runs the built command as a process. It inherits no environment, so that a REDIS_URL of the shell cannot change a
 * test.
 */
export function start(
  args: readonly string[],
  env: Record<string, string> = {},
  output: "pipe" | number = "pipe",
): Running {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", output, "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    stderr += String(chunk);
  });
  // If the command ends before it has read its input, the pipe breaks. The test checks the exit code instead.
  child.stdin?.on("error", () => {});
  const ended = new Promise<Ended>((done) => child.once("close", (code) => done({ code, stdout, stderr })));
  return { child, stdout: () => stdout, ended };
}

/** Functions that run commands against one Redis. */
export function cliFor(redisUrl: () => string) {
  const cli = (...args: string[]): Promise<Ended> => {
    const running = start(args, { REDIS_URL: redisUrl() });
    running.child.stdin?.end();
    return running.ended;
  };
  const withInput = (input: string | Buffer, ...args: string[]): Promise<Ended> => {
    const running = start(args, { REDIS_URL: redisUrl() });
    running.child.stdin?.end(input);
    return running.ended;
  };
  /** Runs a command with `--json`, and returns its parsed output. Fails if the exit code is not 0. */
  const json = async <T = Record<string, unknown>>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await cli(...args, "--json");
    if (code !== 0) throw new Error(`holdfast ${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  return { cli, withInput, json };
}

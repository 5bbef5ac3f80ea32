import { type ChildProcess, spawn } from "node:child_process";
import { until } from "./until.ts";

export interface ServiceProcess {
  child: ChildProcess;
  /** Everything that the process has written to stdout and stderr. */
  output(): string;
  /** Waits until the output contains the text. */
  says(text: string, deadlineMs?: number): Promise<void>;
  /** Waits for the end of the process. */
  exit(deadlineMs?: number): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Ends the process with SIGKILL if it still runs. */
  kill(): Promise<void>;
}

/** Runs the built `main.js` of a service as a process, with only the given environment. */
export function startService(mainPath: string, env: Record<string, string>): ServiceProcess {
  const child = spawn(process.execPath, [mainPath], {
    // The process inherits no environment, so that a REDIS_URL of the shell cannot change a test.
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    text += String(chunk);
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    output: () => text,
    says: async (wanted, deadlineMs = 50_000) => {
      await until(`the service says "${wanted}"`, () => text.includes(wanted) || hasEnded(), deadlineMs);
      if (!text.includes(wanted)) throw new Error(`the service ended without saying "${wanted}":\n${text}`);
    },
    exit: async (deadlineMs = 50_000) => {
      await until("the service ends", hasEnded, deadlineMs);
      return ended;
    },
    kill: async () => {
      if (hasEnded()) return;
      child.kill("SIGKILL");
      await ended;
    },
  };
}

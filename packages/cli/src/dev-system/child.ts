import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * How long a process may take to end after SIGTERM, ms. First the services get this time and then Redis. Both
 * together have to fit into the 5 s of STOP_MS in main.ts.
 */
const END_MS = 2_400;

export interface ChildOptions {
  env: NodeJS.ProcessEnv;
  /** The file descriptor to which the process writes stdout and stderr. */
  output: number;
}

/**
 * A process that `holdfast dev` started. It leads a process group of its own, so a Ctrl-C at the terminal reaches only
 * the command, which ends the processes in the right order.
 */
export class DevChild {
  readonly name: string;
  readonly #child: ChildProcess;
  /** Resolves with the reason when the process has ended, or could not be started. */
  readonly ended: Promise<string>;
  /** Whether the program could not be found. */
  isMissing = false;

  constructor(name: string, command: string, args: readonly string[], { env, output }: ChildOptions) {
    this.name = name;
    this.#child = spawn(command, args, { env, detached: true, stdio: ["ignore", output, output] });
    this.ended = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
      this.#child.once("error", (error: NodeJS.ErrnoException) => {
        this.isMissing = error.code === "ENOENT";
        resolve(error.message);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Kills the process and those that it started. */
  kill(): void {
    if (this.isRunning) killGroup(this.pid as number);
  }

  /** Asks the process to end, and kills it if it does not end in time. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), END_MS);
    await gone;
    clearTimeout(timer);
  }
}

export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The process group does not exist any more, because all its processes have ended.
  }
}

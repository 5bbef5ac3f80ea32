import { spawn } from "node:child_process";
import { until } from "../chaos/harness/until.mjs";

/** A program in a terminal of its own, with the output that its user sees. */
export class Terminal {
  #child;
  #output = "";
  #ended;

  constructor(cwd, command, args, env) {
    // The program gets a process group of its own, because a terminal sends its signals to a whole group.
    this.#child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on("data", (chunk) => {
        this.#output += chunk;
      });
    this.#ended = new Promise((done) => this.#child.once("close", done));
  }

  /** Waits until the program has printed the text, and returns its output until then. */
  async says(text) {
    await until(
      `it says "${text}"`,
      () => {
        if (this.#child.exitCode !== null)
          throw new Error(`it ended before it said "${text}":\n${this.#output}`);
        return this.#output.includes(text);
      },
      150_000,
    );
    return this.#output;
  }

  /** Presses Ctrl-C, and waits for the end of the program. */
  async interrupt() {
    process.kill(-this.#child.pid, "SIGINT");
    await this.#ended;
  }

  /** Kills the remaining processes if a check has failed. */
  async kill() {
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // All processes of the group have ended.
    }
    await this.#ended;
  }
}

/** Runs `npx holdfast dev` until it is ready. Returns its terminal and what it printed. */
export async function startDev(cwd, env, args = []) {
  const terminal = new Terminal(cwd, "npx", ["holdfast", "dev", ...args], env);
  try {
    const output = await terminal.says("Ctrl-C");
    return {
      terminal,
      dashboard: /^Dashboard +(\S+)/m.exec(output)?.[1],
      api: /^HTTP API +(\S+)\/docs/m.exec(output)?.[1],
      redis: /^Redis +(\S+)/m.exec(output)?.[1],
      /** The commands that `holdfast dev` tells the user to type. */
      commands: output.split("\n").filter((line) => line.startsWith("  ")),
    };
  } catch (error) {
    // This kills only the command. Its guard then ends its other processes.
    await terminal.kill();
    throw error;
  }
}

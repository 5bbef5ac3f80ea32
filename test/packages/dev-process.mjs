import { spawn } from "node:child_process";
import { until } from "../chaos/harness/until.mjs";

/** `npx holdfast dev` at a terminal of its own, with the output that its user sees. */
export class DevProcess {
  #npx;
  #output = "";
  #ended;

  /** @param env has to name a port for Redis, because something else may use the default one */
  constructor(folder, args, env) {
    // The group is what a terminal sends its signals to.
    this.#npx = spawn("npx", ["holdfast", "dev", ...args], {
      cwd: folder,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#npx.stdout, this.#npx.stderr])
      stream.on("data", (chunk) => {
        this.#output += chunk;
      });
    this.#ended = new Promise((done) => this.#npx.once("close", done));
  }

  get output() {
    return this.#output;
  }

  /** Waits until the system runs, and returns the addresses that it printed. */
  async ready() {
    await until(
      "holdfast dev is ready",
      () => {
        if (this.#npx.exitCode !== null) throw new Error(`holdfast dev ended:\n${this.#output}`);
        return this.#output.includes("Ctrl-C");
      },
      150_000,
    );
    const printed = (pattern) => pattern.exec(this.#output)?.[1];
    return {
      dashboard: printed(/^Dashboard +(\S+)/m),
      api: printed(/^HTTP API +(\S+)\/docs/m),
      redis: printed(/^Redis +(\S+)/m),
      /** The commands that the user is told to type. */
      commands: this.#output.split("\n").filter((line) => line.startsWith("  ")),
    };
  }

  /** Presses Ctrl-C. Returns the exit code. */
  async interrupt() {
    process.kill(-this.#npx.pid, "SIGINT");
    return this.#ended;
  }

  /** Ends it if a check has failed. The guard of the command then ends its other processes. */
  async kill() {
    try {
      process.kill(-this.#npx.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#ended;
  }
}

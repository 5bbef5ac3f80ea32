import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { History } from "./history.mjs";
import { until } from "./until.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Raises the priority of Redis, if the system permits it. Without this, tests that measure the time of Redis would
 * also measure how long it waits for a processor.
 */
export function favour(pid) {
  try {
    setPriority(pid, -10);
  } catch {}
}

/** A child process whose standard error goes to a file. */
export class Child {
  constructor(command, args, { folder, label, env = {}, cwd = root }) {
    this.label = label;
    this.errorPath = join(folder, `${label}.err`);
    const err = openSync(this.errorPath, "a");
    this.process = spawn(command, args, {
      stdio: ["ignore", err, err],
      cwd,
      env: { ...process.env, ...env },
    });
    closeSync(err);
    this.ended = once(this.process, "exit").then(([code, signal]) => ({ code, signal }));
  }

  get running() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  get pid() {
    return this.process.pid;
  }

  /** Sends a signal and waits for the end of the process. */
  async kill(signal = "SIGKILL") {
    if (this.running) this.process.kill(signal);
    return this.ended;
  }

  signal(name) {
    this.process.kill(name);
  }

  complaint() {
    return readFileSync(this.errorPath, "utf8").slice(-600);
  }
}

const actorsFolder = new URL("../actors/", import.meta.url);

/** A process that runs a program of `actors/`. The program writes its history to a separate file. */
export class Actor extends Child {
  /** @param where.program the command and its first arguments. @default Node with the module `kind` of `actors` */
  constructor(kind, options, { folder, label, actors = actorsFolder, program }) {
    const path = join(folder, `${label}.jsonl`);
    writeFileSync(path, "");
    const [command, ...args] = program ?? [process.execPath, fileURLToPath(new URL(`${kind}.mjs`, actors))];
    super(command, [...args, JSON.stringify({ ...options, history: path })], { folder, label });
    this.kind = kind;
    this.history = new History(path);
  }

  /** Returns the matching history lines, as in `heard("run", { phase: "invoke" })`. */
  heard(op, match = {}) {
    const pairs = Object.entries(match);
    return this.history
      .lines()
      .filter((line) => line.op === op && pairs.every(([key, value]) => line[key] === value));
  }

  async ready() {
    await until(`${this.label} is ready`, () => {
      if (!this.running) throw new Error(`${this.label} ended: ${this.complaint()}`);
      return this.heard("process", { what: "ready" }).length > 0;
    });
    return this;
  }

  /** Sends SIGTERM. A producer then finishes its open requests. Other actors end within their grace period. */
  async finish(timeoutMs = 30_000) {
    this.signal("SIGTERM");
    await until(`${this.label} has stopped`, () => !this.running, timeoutMs);
  }
}

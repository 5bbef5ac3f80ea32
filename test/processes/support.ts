import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "@holdfast/testing";
import { inject, onTestFinished } from "vitest";
import { Observer, Queue } from "../../packages/holdfast/dist/index.js";

export { until };

/** The lease and the sweep interval in these tests, ms. */
export const LEASE_MS = 1_000;
export const SWEEP_MS = 200;
const POLL_MS = 100;

/** One event, which a fixture process prints as a line of JSON. */
export interface Said {
  event: "ready" | "started" | "settled" | "aborted" | "renewal" | "error" | "swept" | "stopped";
  id?: string;
  attempt?: number;
  outcome?: string;
  count?: number;
  reason?: string;
  code?: string;
}

/** A process that the test started, with the events that it reported. */
export class Child {
  readonly said: Said[] = [];
  readonly process: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #stderr = "";

  constructor(fixture: string, options: object) {
    const path = fileURLToPath(new URL(`fixtures/${fixture}.mjs`, import.meta.url));
    this.process = spawn(process.execPath, [path, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.process;
    if (stdout) createInterface({ input: stdout }).on("line", (line) => this.said.push(JSON.parse(line)));
    stderr?.on("data", (data) => {
      this.#stderr += String(data);
    });
    this.ended = once(this.process, "close").then(([code, signal]) => ({ code, signal }));
  }

  heard(event: Said["event"], match: Partial<Said> = {}): Said[] {
    const pairs = Object.entries({ event, ...match });
    return this.said.filter((line) => pairs.every(([key, value]) => line[key as keyof Said] === value));
  }

  async ready(): Promise<this> {
    await until(`the process is ready (its errors: ${this.#stderr})`, () => {
      if (this.process.exitCode !== null) throw new Error(`it ended: ${this.#stderr}`);
      return this.heard("ready").length > 0;
    });
    return this;
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.ended;
  }
}

/**
 * Starts the processes of one system, which share a key prefix that no other system has. They are killed after the
 * test.
 */
export class Processes {
  readonly prefix = `p${randomUUID()}`;
  readonly url: string;
  readonly queue: Queue;
  readonly observer: Observer;
  readonly #children: Child[] = [];
  #workers = 0;

  constructor() {
    this.url = inject("holdfastRedisUrl");
    this.queue = new Queue("work", { redis: this.url, prefix: this.prefix });
    this.observer = new Observer({ redis: this.url, prefix: this.prefix });
    onTestFinished(() => this.#close());
  }

  worker(options: object = {}): Child {
    return this.#started("worker", {
      queue: "work",
      redis: this.url,
      prefix: this.prefix,
      id: `w${++this.#workers}`,
      leaseMs: LEASE_MS,
      pollMs: POLL_MS,
      ...options,
    });
  }

  janitor(options: object = {}): Child {
    return this.#started("janitor", {
      redis: this.url,
      prefix: this.prefix,
      sweepIntervalMs: SWEEP_MS,
      auditIntervalMs: 0,
      ...options,
    });
  }

  #started(fixture: string, options: object): Child {
    const child = new Child(fixture, options);
    this.#children.push(child);
    return child;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.kill()));
    await this.observer.pause("work");
    await this.observer.deleteQueue("work").catch(() => {});
    await this.queue.close();
    await this.observer.close();
  }

  async enqueue(tasks: Parameters<Queue["enqueueMany"]>[0]): Promise<string[]> {
    return (await this.queue.enqueueMany(tasks)).map((result) => {
      if (!result.ok) throw result.error;
      return result.receipt.id;
    });
  }

  stats() {
    return this.observer.stats("work");
  }

  async task(id: string) {
    const task = await this.queue.get(id);
    if (!task) throw new Error(`there is no task ${id}`);
    return task;
  }

  /** Returns every id in a state. */
  async idsIn(state: "completed" | "dead"): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await this.observer.list("work", { state, limit: 100, ...(cursor ? { cursor } : {}) });
      ids.push(...page.tasks.map((task) => task.id));
      cursor = page.cursor;
    } while (cursor);
    return ids;
  }
}

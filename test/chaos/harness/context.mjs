import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Holdfast, Observer, Queue } from "holdfast";
import { check } from "./checker.mjs";
import { Actor } from "./processes.mjs";
import { startProxy } from "./proxy.mjs";
import { startRedis } from "./redis.mjs";
import { startService } from "./service.mjs";
import { until } from "./until.mjs";

/** The time limits in the fault matrix are made for these settings. */
export const LEASE_MS = 1_000;
export const SWEEP_MS = 200;
export const POLL_MS = 100;
const RETRY = { kind: "fixed", baseMs: 50, jitter: "none" };

/** Starts everything that a row of the fault matrix (one test) needs, and ends all of it after the row. */
export class Context {
  queueName = "chaos";
  actors = [];
  #children = [];
  #closing = [];
  #labels = new Map();
  /** The texts of the expectations that failed. */
  failed = [];
  /** The figures that the row measured: name -> value. Programs read them from the last line of the output. */
  figures = {};

  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  #label(kind) {
    const number = (this.#labels.get(kind) ?? 0) + 1;
    this.#labels.set(kind, number);
    return `${kind}-${number}`;
  }

  track = (child) => {
    this.#children.push(child);
    return child;
  };

  onClose(close) {
    this.#closing.push(close);
  }

  /** Checks an expectation of the row. If it fails, the row continues, so that the table shows all failures. */
  expect(holds, text) {
    if (!holds) this.failed.push(text);
  }

  startRedis(options = {}) {
    return startRedis({ folder: this.folder, track: this.track, ...options });
  }

  async proxy(port) {
    const proxy = await startProxy(port);
    this.onClose(() => proxy.stop());
    return proxy;
  }

  /**
   * Starts the program `kind` as an actor of this row.
   * @param where.actors the folder of the program. @default the folder of the fault matrix
   * @param where.program the command and its first arguments, if it is not a module of Node
   */
  actor(kind, options, { actors, program } = {}) {
    const where = { folder: this.folder, label: this.#label(kind), actors, program };
    const actor = new Actor(kind, { queue: this.queueName, ...options }, where);
    this.actors.push(this.track(actor));
    return actor;
  }

  worker(redis, options = {}) {
    const defaults = { leaseMs: LEASE_MS, pollMs: POLL_MS, concurrency: 50, backoff: RETRY };
    return this.actor("worker", { redis, ...defaults, ...options });
  }

  janitor(redis, options = {}) {
    return this.actor("janitor", { redis, sweepIntervalMs: SWEEP_MS, auditIntervalMs: 1_000, ...options });
  }

  producer(redis, options = {}) {
    const name = this.#label("p");
    return this.actor("producer", { redis, name, ...options });
  }

  pinger(port) {
    return this.actor("pinger", { port });
  }

  /** The time limits of the matrix assume that a call gives up after 1 s. By default it waits longer. */
  settings(where) {
    return typeof where === "string"
      ? { url: where, commandTimeoutMs: 1_000 }
      : { commandTimeoutMs: 1_000, ...where };
  }

  async service(name, env) {
    return this.track(await startService(name, env, { folder: this.folder, label: this.#label(name) }));
  }

  /** Makes a client for enqueues and queries by the row itself. */
  client(redis) {
    const client = new Holdfast({ redis });
    const queue = new Queue(this.queueName, { client });
    const observer = new Observer({ client });
    this.onClose(() => client.close());
    return { client, queue, observer };
  }

  /** Enqueues tasks by the row itself, and writes the same history lines as a producer. */
  async enqueue({ queue }, tasks) {
    const mono = () => Number(process.hrtime.bigint()) / 1e6;
    const results = await queue.enqueueMany(tasks);
    return results.map((result) => {
      if (!result.ok) throw result.error;
      const { id } = result.receipt;
      for (const phase of ["invoke", "ok"]) this.own.push({ op: "enqueue", phase, id, mono: mono() });
      return id;
    });
  }

  own = [];

  lines() {
    return [...this.own, ...this.actors.flatMap((actor) => actor.history.lines())];
  }

  heard(op, match) {
    return this.actors.flatMap((actor) => actor.heard(op, match));
  }

  /** Waits until no task waits or runs. @returns how long that took, ms */
  async drain({ observer }, timeoutMs = 30_000) {
    const started = performance.now();
    let last;
    await until(
      "the queue is drained",
      async () => {
        last = await observer.stats(this.queueName).catch(() => null);
        return last !== null && last.pending + last.scheduled + last.processing === 0;
      },
      timeoutMs,
      50,
    ).catch((error) => {
      throw new Error(
        `${error.message}; ${JSON.stringify(last && { pending: last.pending, scheduled: last.scheduled, processing: last.processing })}`,
      );
    });
    return Math.round(performance.now() - started);
  }

  /** Returns every task of the queue: id -> task. */
  async tasks({ observer }) {
    const tasks = new Map();
    for (const state of ["pending", "scheduled", "processing", "completed", "dead", "cancelled", "expired"]) {
      let cursor;
      do {
        const page = await observer.list(this.queueName, {
          state,
          limit: 100,
          ...(cursor ? { cursor } : {}),
        });
        for (const task of page.tasks) tasks.set(task.id, task);
        cursor = page.cursor;
      } while (cursor);
    }
    return tasks;
  }

  /** Waits for the end of all tasks after a row, and audits and checks the queue. @returns the counts of the checker */
  async settle(view, options = {}) {
    const { drainMs, ...rest } = options;
    for (const actor of this.actors) if (actor.kind === "producer" && actor.running) await actor.finish();
    await this.drain(view, drainMs);
    await until("the workers have reported every verdict", () => this.#verdictsTold(), 5_000).catch(() => {});
    const audit = [];
    for (const queue of await view.observer.queues()) {
      const report = await view.observer.audit(queue);
      audit.push(...report.violations.map((found) => `${queue} ${found.invariant} ${found.detail}`));
    }
    // Janitors also audited during the row, while tasks were moving. Of their findings, only two kinds count here: the
    // number of tasks, and the running tasks of each key. One script compares each of these at a single moment.
    for (const { violations } of this.heard("audit"))
      for (const found of violations)
        if (["I2", "I15"].includes(found.invariant) && !rest.rewound)
          audit.push(`during the row: ${found.detail}`);
    const tasks = await this.tasks(view);
    const { counts, violations } = check(this.lines(), tasks, { ...rest, audit });
    for (const text of violations.slice(0, 5)) this.failed.push(text);
    if (violations.length > 5) this.failed.push(`and ${violations.length - 5} more`);
    return { ...counts, tasks };
  }

  #verdictsTold() {
    const told = new Set(this.heard("settle").map((line) => line.token));
    return this.actors
      .filter((actor) => actor.kind === "worker" && actor.running)
      .every((actor) => actor.heard("run", { phase: "invoke" }).every((line) => told.has(line.token)));
  }

  async close() {
    for (const child of this.#children) {
      if (!child.running) continue;
      // A process that was stopped with SIGSTOP receives other signals only after a SIGCONT.
      child.signal("SIGCONT");
      await child.kill();
    }
    for (const close of this.#closing.reverse()) await Promise.resolve(close()).catch(() => {});
    for (const actor of this.actors) actor.history.close();
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name) {
    return join(this.folder, name);
  }
}

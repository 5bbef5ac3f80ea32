import type { EventEmitter } from "node:events";
import { AuditWalk, auditQueue } from "../engine/audit.ts";
import type { Engine } from "../engine/engine.ts";
import { advanceAll } from "../engine/flow-mover.ts";
import { queueOfPartition } from "../engine/names.ts";
import type { Registry } from "../engine/registry.ts";
import { freeSteps } from "../engine/steps.ts";
import type { JanitorEvents, SweptEvent } from "./janitor-options.ts";
import { RewindDetector } from "./rewind.ts";

// One call handles at most this many tasks. More would block Redis for too long.
const CALL_TASKS = 200;
// A sweep of a queue makes at most this many calls of each kind, so that the other queues do not have to wait.
const CALLS_PER_SWEEP = 50;
// How many entries one sweep audits, so that the audit does not delay the sweep too much.
const AUDIT_STEP = 1_000;
const AUDIT_STEP_MS = 250;
const STEPS_PER_CALL = 1_000;
const REQUEST_IDLE_MS = 3_600_000;
const SHOWN_TYPES = 20;

/** Returns a text for dead letters that says which workers were registered. */
function knownWorkers(workers: number, types: readonly string[]): string {
  if (workers === 0) return "no worker of this queue is registered";
  const shown = types.slice(0, SHOWN_TYPES).join(", ");
  const more = types.length > SHOWN_TYPES ? ` and ${types.length - SHOWN_TYPES} more` : "";
  return `${workers} registered, with handlers for: ${shown === "" ? "nothing" : shown}${more}`;
}

export interface SweepOptions {
  registry: Pick<Registry, "workers">;
  sweepIntervalMs: number;
  auditIntervalMs: number;
  auditBudget: number;
  events: Pick<EventEmitter<JanitorEvents>, "emit">;
}

/** Sweeps one queue or partition: handles expired leases, due, expired and old tasks, and audits some entries. */
export class Sweep {
  readonly #o: SweepOptions;
  readonly #audits = new Map<string, { begunAt: number; steppedAt: number; walk: AuditWalk }>();
  // Where the next sweep continues to search for expired tasks, by queue. Only long lists need more than one sweep.
  readonly #expiredUpTo = new Map<string, number>();
  // Where the next sweep continues to search for unique keys that no task holds, by queue.
  readonly #freedUpTo = new Map<string, string>();
  readonly #rewinds = new RewindDetector();

  constructor(options: SweepOptions) {
    this.#o = options;
  }

  /** Forgets all other queues. */
  keepOnly(queues: readonly string[]): void {
    this.#rewinds.keepOnly(queues);
    for (const kept of [this.#audits, this.#expiredUpTo, this.#freedUpTo])
      for (const queue of kept.keys()) if (!queues.includes(queue)) kept.delete(queue);
  }

  /** Sweeps a queue. @returns ms until the next lease expires or task is due, at most the sweep interval */
  async run(engine: Engine): Promise<number> {
    await this.#lookForRewind(engine);
    const swept: SweptEvent = {
      queue: engine.queue,
      promoted: 0,
      reaped: { requeued: 0, dead: 0, cancelled: 0 },
      rejected: 0,
      expired: 0,
      purged: 0,
      dropped: 0,
      forgotten: 0,
    };
    // The time until the next lease expires, ms. 0: this sweep could not handle all expired leases.
    let expiryInMs = 0;
    for (let call = 0; call < CALLS_PER_SWEEP && expiryInMs === 0; call++) {
      const reaped = await engine.reap(CALL_TASKS);
      swept.reaped.requeued += reaped.requeued;
      swept.reaped.dead += reaped.dead;
      swept.reaped.cancelled += reaped.cancelled;
      expiryInMs = reaped.nextInMs;
    }
    let dueInMs = 0;
    let aside = 0;
    for (let call = 0; call < CALLS_PER_SWEEP && dueInMs === 0; call++) {
      const { promoted, nextInMs, typed } = await engine.promote(CALL_TASKS);
      swept.promoted += promoted;
      dueInMs = nextInMs;
      aside = typed;
    }
    if (aside > 0) swept.rejected = await this.#reject(engine);
    swept.expired = await this.#expire(engine);
    let keys = 0;
    let flows = false;
    let tasksWithSteps = 0;
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const { purged, forgotten, uniqueKeys, dropped, hasFlows, steps } = await engine.purge(
        CALL_TASKS,
        REQUEST_IDLE_MS,
      );
      keys = uniqueKeys;
      flows = hasFlows;
      tasksWithSteps = steps;
      swept.purged += purged;
      swept.dropped += dropped;
      swept.forgotten += forgotten;
      if (purged + dropped + forgotten < CALL_TASKS) break;
    }
    if (keys > 0) await this.#freeKeys(engine);
    // Counts ended nodes that no worker has counted, delivers messages to other queues, and ends and forgets flows.
    if (flows) await advanceAll(engine, CALLS_PER_SWEEP);
    for (let call = 0; call < CALLS_PER_SWEEP && tasksWithSteps > 0; call++)
      tasksWithSteps = (await freeSteps(engine, STEPS_PER_CALL)).left;
    const { requeued, dead, cancelled } = swept.reaped;
    if (
      swept.promoted +
        requeued +
        dead +
        cancelled +
        swept.rejected +
        swept.expired +
        swept.purged +
        swept.dropped +
        swept.forgotten >
      0
    )
      this.#o.events.emit("swept", swept);
    await this.#audit(engine);
    // -1 means that no time is known.
    const inMs = (ms: number) => (ms < 0 ? this.#o.sweepIntervalMs : ms);
    return Math.min(this.#o.sweepIntervalMs, inMs(expiryInMs), inMs(dueInMs));
  }

  /** Ends tasks that waited too long for a handler of their type. A registered worker counts without heartbeats too. */
  async #reject(engine: Engine): Promise<number> {
    const queue = queueOfPartition(engine.queue) ?? engine.queue;
    const registered = (await this.#o.registry.workers()).filter(
      ({ queues, state }) => state !== "stopped" && queues.includes(queue),
    );
    const types = [...new Set(registered.flatMap((worker) => worker.types))].sort();
    let rejected = 0;
    let after = "";
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const step = await engine.reject(types, knownWorkers(registered.length, types), CALL_TASKS, after);
      rejected += step.dead;
      after = step.after;
      if (after === "") break;
    }
    return rejected;
  }

  /** Searches the heads of the lists, where most expired tasks are, and the next window of the rest. */
  async #expire(engine: Engine): Promise<number> {
    let total = 0;
    let next = 0;
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const step = await engine.expire(CALL_TASKS);
      total += step.expired;
      next = step.next;
      if (next === 0 || step.expired + step.dropped === 0) break;
    }
    if (next > 0) {
      const step = await engine.expire(CALL_TASKS, this.#expiredUpTo.get(engine.queue) ?? next);
      total += step.expired;
      next = step.next;
    }
    if (next > 0) this.#expiredUpTo.set(engine.queue, next);
    else this.#expiredUpTo.delete(engine.queue);
    return total;
  }

  /** Removes unique keys that no task holds, one section per sweep, or more while a quarter of a section is removed. */
  async #freeKeys(engine: Engine): Promise<void> {
    let cursor = this.#freedUpTo.get(engine.queue) ?? "0";
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const step = await engine.freeKeys(CALL_TASKS, cursor);
      cursor = step.cursor;
      if (step.removed < CALL_TASKS / 4) break;
    }
    this.#freedUpTo.set(engine.queue, cursor);
  }

  async #audit(engine: Engine): Promise<void> {
    if (this.#o.auditIntervalMs === 0) return;
    const now = performance.now();
    let audit = this.#audits.get(engine.queue);
    if (!audit) {
      audit = {
        begunAt: Number.NEGATIVE_INFINITY,
        steppedAt: Number.NEGATIVE_INFINITY,
        walk: new AuditWalk(engine),
      };
      this.#audits.set(engine.queue, audit);
    }
    if (!audit.walk.underWay) {
      if (now - audit.begunAt < this.#o.auditIntervalMs) return;
      audit.begunAt = now;
      audit.walk.begin(this.#o.auditBudget);
    } else if (now - audit.steppedAt < AUDIT_STEP_MS) return;
    const report = await audit.walk.step(AUDIT_STEP);
    audit.steppedAt = performance.now();
    if (report) this.#o.events.emit("audited", report);
  }

  async #lookForRewind(engine: Engine): Promise<void> {
    const { epoch, runId } = await engine.epoch();
    const rewound = this.#rewinds.look(engine.queue, epoch, runId);
    if (!rewound) return;
    this.#o.events.emit("rewound", rewound);
    this.#o.events.emit("audited", await auditQueue(engine, { repair: true }));
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { asHoldfastError, type CurrentTask } from "@holdfast/contracts";
import { Engine } from "../engine/engine.ts";
import { Registry } from "../engine/registry.ts";
import { Connection } from "../redis/connection.ts";
import type { HeartbeatData, HeartbeatMessage } from "./heartbeat-messages.ts";
import { type LeaseEntry, LeaseTable, monotonicMs } from "./lease-table.ts";

/** The heartbeat thread: a connection of its own, and nothing that a handler could block. */
const data = workerData as HeartbeatData;
const table = new LeaseTable(data.table);
const connection = new Connection(data.redis, { name: "holdfast-heartbeat" });
const engines = data.queues.map((queue) => new Engine(connection, queue, { prefix: data.prefix }));
const registry = new Registry(connection, data.prefix);

const BEAT_MS = data.leaseMs / 3;
const REGISTER_MS = 2_000;
const CALL_PAIRS = 250;
// Of what runs, in the registry: 100 are about 9 kB every two seconds.
const SHOWN_TASKS = 100;
// What was taken ahead and is not begun by then goes back to whoever is idle.
const AHEAD_MS = 50;
const AHEAD_CHECK_MS = 25;

// Of the leases that are held for longer: when each was last confirmed, by slot.
const confirmed = new Map<number, { version: number; atMs: number }>();
// Told already, by slot: their fence is not the current one any more, and never will be.
const lostVersions = new Map<number, number>();
const stopping = new AbortController();
// An operator wants it to drain.
let told = false;

function post(message: HeartbeatMessage): void {
  parentPort?.postMessage(message);
}

function report(error: unknown): void {
  const known = asHoldfastError(error);
  post({ kind: "error", code: known.code, message: `heartbeat: ${known.message}` });
}

const confirmedAt = (entry: LeaseEntry) => {
  const known = confirmed.get(entry.index);
  return known?.version === entry.version ? known.atMs : entry.leasedAtMs;
};

async function beatQueue(engine: Engine, entries: LeaseEntry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += CALL_PAIRS) {
    const part = entries.slice(at, at + CALL_PAIRS);
    // Counted from before the call: the lease cannot end earlier than that.
    const sentAtMs = monotonicMs();
    const letters = await engine.heartbeat(
      part.flatMap((entry) => [entry.id, entry.fence]),
      data.leaseMs,
    );
    const lost = part.filter((_, i) => letters[i] === "l");
    const cancelled = part.filter((_, i) => letters[i] === "c");
    part.forEach((entry, i) => {
      if (letters[i] === "l") lostVersions.set(entry.index, entry.version);
      else confirmed.set(entry.index, { version: entry.version, atMs: sentAtMs });
    });
    if (lost.length > 0)
      post({ kind: "lease", what: "lost", leases: lost.map(({ index, version }) => ({ index, version })) });
    if (cancelled.length > 0)
      post({
        kind: "lease",
        what: "cancelled",
        leases: cancelled.map(({ index, version }) => ({ index, version })),
      });
    if (part.length > lost.length) post({ kind: "renewed", count: part.length - lost.length });
  }
}

async function beat(): Promise<void> {
  const held = table.read(monotonicMs() - BEAT_MS / 2);
  const live = new Set(held.map((entry) => entry.index));
  for (const index of confirmed.keys()) if (!live.has(index)) confirmed.delete(index);
  for (const index of lostVersions.keys()) if (!live.has(index)) lostVersions.delete(index);
  const entries = held.filter((entry) => lostVersions.get(entry.index) !== entry.version);
  try {
    await Promise.all(
      engines.map((engine, queue) =>
        beatQueue(
          engine,
          entries.filter((entry) => entry.queue === queue),
        ),
      ),
    );
  } catch (error) {
    report(error);
  }
}

/**
 * What nobody confirmed for a whole lease: another worker may hold it by now. On a timer of its own, since a beat waits
 * for Redis for as long as a call may take.
 */
async function giveUpOutdated(): Promise<void> {
  const now = monotonicMs();
  const outdated = table
    .read(now - data.leaseMs)
    .filter(
      (entry) => lostVersions.get(entry.index) !== entry.version && now - confirmedAt(entry) > data.leaseMs,
    );
  for (const entry of outdated)
    confirmed.set(entry.index, { version: entry.version, atMs: Number.POSITIVE_INFINITY });
  if (outdated.length > 0) {
    post({ kind: "lease", what: "lost", leases: outdated.map(({ index, version }) => ({ index, version })) });
  }
}

/** Also where a handler blocks the event loop: the worker itself could not let go of them. */
async function handBackAhead(): Promise<void> {
  const taken = table.readBuffered(monotonicMs() - AHEAD_MS).filter((entry) => table.handBack(entry));
  if (taken.length === 0) return;
  const { id: workerId } = data.worker;
  const nothing = {
    want: 0,
    held: 0,
    leaseMs: data.leaseMs,
    maxRetries: data.maxRetries,
    workerId,
    nonce: "-",
  };
  const calls = engines.flatMap((engine, queue) => {
    const own = taken.filter((entry) => entry.queue === queue);
    if (own.length === 0) return [];
    const verdicts = own.map(({ id, fence }) => ({ kind: "unstarted" as const, id, token: fence }));
    return engine.settle(verdicts, { ...nothing, noHandlerAfterMs: 0 });
  });
  await Promise.all(calls).catch(report);
}

function currentTasks(): CurrentTask[] {
  const now = connection.now();
  const nowMs = monotonicMs();
  return table.readRunning(SHOWN_TASKS).map(({ id, queue, type, leasedAtMs }) => ({
    id,
    queue: data.queues[queue] ?? "",
    type: data.worker.types[type] ?? "",
    startedAt: Math.round(now - (nowMs - leasedAtMs)),
  }));
}

async function register(): Promise<void> {
  try {
    const { busy, state } = table;
    const drained = told && state === "draining" && busy === 0;
    const worker = {
      ...data.worker,
      busy,
      state: drained ? ("drained" as const) : state,
      heartbeatAt: connection.now(),
    };
    told = await registry.putWorker(worker, currentTasks());
    post({ kind: "registered", draining: told });
  } catch (error) {
    report(error);
  }
}

async function every(intervalMs: number, step: () => Promise<void>): Promise<void> {
  while (!stopping.signal.aborted) {
    const startedAtMs = monotonicMs();
    await step();
    const leftMs = Math.max(1, intervalMs - (monotonicMs() - startedAtMs));
    await sleep(leftMs, undefined, { signal: stopping.signal }).catch(() => {});
  }
}

parentPort?.on("message", async (message: "stop") => {
  if (message !== "stop") return;
  stopping.abort();
  await register();
  await connection.close();
  post({ kind: "stopped" });
  parentPort?.close();
});

void every(BEAT_MS / 2, giveUpOutdated);
await connection.check().catch(report);
post({ kind: "ready" });
void every(BEAT_MS, beat);
void every(REGISTER_MS, register);
// Forty times a second, so as cheap as can be: mostly one look at a number.
const aheadTimer = setInterval(() => table.buffered > 0 && void handBackAhead(), AHEAD_CHECK_MS);
if (stopping.signal.aborted) clearInterval(aheadTimer);
else stopping.signal.addEventListener("abort", () => clearInterval(aheadTimer));

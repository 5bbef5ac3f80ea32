import { changeTasks } from "../../src/engine/change.ts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { muteError, readErrors } from "../../src/engine/errors.ts";
import { readEvents } from "../../src/engine/events.ts";
import { cancelFlow } from "../../src/engine/flow-mover.ts";
import { readFlow } from "../../src/engine/flow-reader.ts";
import { advanceFlows } from "../../src/engine/flows.ts";
import { changeKey, readKeys, setLimits } from "../../src/engine/limits.ts";
import { Registry } from "../../src/engine/registry.ts";
import type { ScheduleDefinition } from "../../src/engine/schedule-runs.ts";
import { ScheduleStore } from "../../src/engine/schedule-store.ts";
import { SeriesStore } from "../../src/engine/series-store.ts";
import { SharedLimits, setShare } from "../../src/engine/shared-limits.ts";
import { freeSteps, readSteps, sendSignal, waitForSignal, writeStep } from "../../src/engine/steps.ts";
import * as scripts from "../../src/redis/generated/index.ts";
import type { Scenario } from "../support/abort.ts";
import { addFlow } from "../support/flow.ts";
import { type TestQueue, typesText } from "../support/test-queue.ts";

const request = { requestSlot: "#q:full:0", sequence: 1 };

/** Returns schedules for this queue alone: the name of the queue is the prefix of their Redis keys. */
const schedules = (q: TestQueue) => new ScheduleStore(q.engine.connection, q.name, () => q.now);
const definition = (q: TestQueue, revision: number): ScheduleDefinition => ({
  ...{
    queue: q.name,
    cron: "* * * * *",
    timeZone: "UTC",
    startAt: null,
    endAt: null,
    limit: null,
    type: "t",
    payloadText: "{}",
    options: {},
  },
  ...{ missed: "all", overlap: "allow", paused: false, createdAt: 1, updatedAt: revision, revision },
});
const next = (nextAt: number) => ({ nextAt, owed: [], runs: [] });
/** Prepares a schedule that has a run to make up for, and is due again. */
const prepareSchedule = async (q: TestQueue) => {
  await schedules(q).put("s", null, definition(q, 1), next(q.now - 120_000));
  const [due] = (await schedules(q).due(1)).schedules;
  const plan = { nextAt: q.now - 60_000, owed: [q.now - 120_000], runs: [] };
  if (due) await schedules(q).plan(due, plan);
};
const run = (q: TestQueue) => ({
  ...{ at: q.now - 120_000, outcome: "enqueued" as const, taskId: "s:1", manual: false },
});

const putWorker = async (q: TestQueue) => {
  const worker = { id: "w", queues: [q.name], types: [], host: "h", pid: 1, version: "1", slots: 1 };
  const task = { id: "n", queue: q.name, type: "t", startedAt: 1 };
  const record = { ...worker, busy: 0, startedAt: 1, heartbeatAt: 1, state: "running" as const };
  await new Registry(q.engine.connection, q.name).putWorker(record, [task]);
};

/**
 * Adds tasks with keys. The key "a" is at its limit, "b" has a limit of its own, and "c" is held. @returns a lease of
 * key "a"
 */
const prepareKeys = async (q: TestQueue) => {
  await setLimits(q.engine, { key: { concurrency: 1 } });
  await q.add("k-dead", { key: "a" });
  await q.fatal(await q.grant({ held: 1 }));
  await q.add(["a1", "a2", "a3", "a-gone"], { key: "a" });
  await q.engine.cancel("a-gone");
  const lease = await q.grant({ held: 1 });
  await changeKey(q.engine, { key: "b" }, { limit: { concurrency: 2, rate: { limit: 1, periodMs: 1_000 } } });
  await q.add(["b1", "b2"], { key: "b" });
  await q.add("b-high", { key: "b", priority: "high" });
  await changeKey(q.engine, { key: "c" }, { holdMs: 60_000 });
  await q.add("c1", { key: "c" });
  await q.add("k-due", { key: "a", delayMs: 1 });
  await q.add("k-later", { key: "d", delayMs: 3_600_000 });
  return lease;
};

const step = { place: 1, kind: "s", outcome: "d", name: "s", text: "x".repeat(2_000) } as const;
const wait = { place: 2, kind: "w", name: "go", timeoutMs: 3_600_000, events: ["go", "stop"] } as const;

/** Adds a task that waits for a signal, and a task whose steps have to be removed. */
const prepareSteps = async (q: TestQueue) => {
  await q.add(["gone-steps", "waits"]);
  const { grants } = await q.acquire(2, { held: 1 });
  for (const grant of grants) {
    await writeStep(q.engine, grant, step);
    await sendSignal(q.engine, grant.id, "other", "1");
  }
  const [gone, waits] = grants;
  if (!gone || !waits) throw new Error("nothing was granted");
  await q.ack(gone);
  await q.engine.empty("completed", "completed", 1);
  await waitForSignal(q.engine, waits, wait);
  const { id, fence } = waits;
  await q.settleOne({ kind: "suspend", id, fence, delayMs: 3_600_000, events: "go,stop" });
};

/**
 * Prepares a queue that has new and repeated tasks in every state and band, with and without keys, three running leases
 * and an expired one.
 */
export const prepareFullQueue: Scenario["prepare"] = async (q) => {
  await q.add("completed", { fingerprint: "fp" });
  await q.ack(await q.grant(), "1");
  await q.add("unkept", { keepPayload: false });
  await q.ack(await q.grant());
  // The times for which these two tasks are kept have ended by the time at which the test runs.
  await q.add("kept", { keep: { completedMs: 60_000, count: 5 }, fingerprint: "fp" });
  await q.ack(await q.grant(), "1");
  await q.addDead("kept-dead", { keep: { deadMs: 60_000 } });
  await q.addDead("dead", { fingerprint: "fp" }, "ab1 t 1 -");
  await q.addDead("dropped", {}, "ab1 t 1 -");
  await q.engine.discard(["dropped", ""], undefined, { discard: "d1" });
  await q.add("cancelled");
  await q.engine.cancel("cancelled");
  await q.add("expired", { expiresAt: 1 });
  await q.acquire(2);
  await q.add("retry");
  await q.fail(await q.grant(), "no", 3_600_000);
  await q.add("solo");
  for (let i = 0; i < 2; i++) {
    await q.grant();
    await q.crash();
  }
  await prepareSteps(q);
  await q.add(["out", "stop", "held"]);
  // A worker that holds a task gets no task that has to run alone, so this acquire leaves that task.
  const { grants } = await q.acquire(2, { held: 1 });
  await q.engine.cancel("stop");
  q.advance(30_001);
  const { grants: later } = await q.acquire(1, { held: 1 });
  const keyed = await prepareKeys(q);
  await q.add(["n", "gone"]);
  await q.engine.cancel("gone");
  await q.add("h", { priority: "high" });
  await q.add("l", { priority: "low" });
  await q.add("due", { delayMs: 1 });
  await q.add("later", { delayMs: 3_600_000 });
  // These tasks are moved aside by type: a worker has a handler for "report", and none has one for "old".
  for (const [id, type] of Object.entries({ report: "report", old: "old" })) {
    await q.add(id, { type, priority: "high", fingerprint: "fp" });
    await q.acquire(1, { held: 1, types: typesText("none"), noHandlerAfterMs: 1 });
  }
  q.advance(1);
  q.held = [...grants, ...later, keyed];
  await q.add("u1", { unique: { key: "u1" } });
  await q.add("u-gone", { unique: { key: "u2" } });
  await q.engine.cancel("u-gone");
  await prepareSchedule(q);
  await putWorker(q);
  const accepted =
    "completed unkept kept kept-dead dead cancelled expired retry solo out stop held n gone h l due later report old k-dead a1 a2 a3 a-gone b1 b2 b-high c1 k-due k-later u1 u-gone waits".split(
      " ",
    );
  return { accepted, held: q.held };
};

interface CallOnFullQueue {
  call(queue: TestQueue): Promise<unknown>;
  removes?: string[];
  adds?: string[];
  restores?: string[];
}

const leases = (q: TestQueue) => q.held.map(({ id, fence }) => ({ id, fence }));

/** Returns the lease of the task `held`. */
const heldOf = (q: TestQueue) => {
  const { id, fence } = q.held.find((held) => held.id === "held") ?? { id: "held", fence: "" };
  return { id, fence };
};

const outbox = { place: 1, limit: 9, bytes: 1_000 };

/** One call of every script: name of the script -> call. */
export const callsOnFullQueue: Record<string, CallOnFullQueue> = {
  acquire: {
    call: (q) =>
      q.engine.acquire(
        { ...q.roundTripArgs({ want: 20, held: 1, nonce: "n", types: typesText("report") }), park: true },
        request,
      ),
  },
  audit: { call: (q) => q.engine.audit(true, "processing") },
  cancel: { call: (q) => q.engine.cancel("retry") },
  change: {
    call: (q) =>
      changeTasks(
        q.engine,
        ["retry", "h", "solo", "a2", "k-later", "report", "u1", "n", "held", "none"],
        { delayMs: 0, priority: "low", key: "d", payloadText: "2" },
        { request },
      ),
  },
  configure: { call: (q) => q.engine.configure({ maxWaiting: 1_000 }) },
  confirm: {
    call: (q) =>
      q.engine.connection.script(scripts.confirmScript, q.keys, { marker: "m", tail: ["n", "none"] }),
  },
  delete: { call: (q) => q.engine.delete() },
  freeSteps: { call: (q) => freeSteps(q.engine, 1_000) },
  signal: { call: (q) => sendSignal(q.engine, "waits", "go", "1", request) },
  step: { call: (q) => writeStep(q.engine, heldOf(q), step) },
  steps: { call: (q) => readSteps(q.engine, "waits") },
  waitFor: {
    async call(q) {
      await sendSignal(q.engine, "held", "stop", "1");
      await waitForSignal(q.engine, heldOf(q), wait);
    },
  },
  freeKeys: { call: (q) => q.engine.freeKeys(500, "0") },
  discard: {
    call: (q) => q.engine.discard(["dead", "", "unkept", "", "n", "", "none", ""]),
    removes: ["dead"],
  },
  drain: { call: (q) => new Registry(q.engine.connection, q.name).drainWorker("w", true) },
  empty: {
    call: (q) => q.engine.empty("scheduled", "scheduled", 500),
    removes: ["retry", "waits", "due", "later", "k-due", "k-later"],
  },
  enqueue: {
    adds: ["new", "new-keyed"],
    call(q) {
      const known = encodeEnvelope("t", q.now, "{}", {}, "fp");
      const keyed = encodeEnvelope("t", q.now, "{}", { key: "a" }, "fp");
      const tail = ["completed", known, "unkept", known, "dead", known, "new", known, "n", known];
      tail.push("new-keyed", keyed, "a2", keyed);
      return q.engine.enqueue({ checked: true, high: 0, normal: 5, low: 0, keyed: 2, tail }, request);
    },
  },
  enqueueAgain: {
    call(q) {
      const again = encodeEnvelope("t", q.now, "{}", {}, "fp");
      const later = encodeEnvelope("t", q.now, "{}", { delayMs: 5 }, "fp");
      const tail = ["dead", again, "cancelled", again, "expired", later, "dropped", again];
      return q.engine.enqueueAgain([...tail, "completed", again, "n", again, "none", again], request);
    },
  },
  errors: { call: (q) => readErrors(q.engine) },
  mute: { call: (q) => muteError(q.engine, "ab1", { by: "me", at: q.now, until: null, untilFailures: 9 }) },
  events: { call: (q) => readEvents(q.engine, 1, 100) },
  epoch: { call: (q) => q.engine.connection.script(scripts.epochScript, q.keys, {}) },
  get: { call: (q) => q.engine.get(["n", "completed", "unkept", "kept", "none"]) },
  flowAdd: { call: (q) => addFlow(q, ["a", "b<a"], { on: [] }) },
  flowAdvance: { call: (q) => advanceFlows(q.engine) },
  flowCancel: { call: (q) => cancelFlow(q.engine, "none") },
  flowNodes: { call: (q) => readFlow(q.engine, q.name, "none") },
  flowOutbox: {
    call: (q) => q.engine.connection.script(scripts.flowOutboxScript, q.keys, outbox),
  },
  flowReceive: {
    call: (q) => {
      const messages = [`${q.now}000 e f.node f`, `&${encodeEnvelope("t", q.now, "{}").slice(1)}`];
      messages.push(`${q.now}001 x f`, "", `${q.now}002 n g.none cf`, "");
      const args = { clockMs: q.now, source: "other", tail: messages };
      return q.engine.connection.script(scripts.flowReceiveScript, q.keys, args);
    },
  },
  flowSent: {
    async call(q) {
      await addFlow(q, ["there"], { on: [], there: ["there"], part: "other" });
      const { connection } = q.engine;
      const found: string[] = await connection.script(scripts.flowOutboxScript, q.keys, outbox);
      const [part = "other", upTo = "0", text = ""] = found;
      const [stamp = ""] = text.split(" ");
      const args = { part, upTo: Number(upTo), stamp, lost: 0 };
      return connection.script(scripts.flowSentScript, q.keys, args);
    },
  },
  flowTarget: {
    call: (q) =>
      q.engine.connection.script(scripts.flowTargetScript, q.keys, { flow: "f", home: "other", nodes: 1 }),
  },
  giveUp: {
    call(q) {
      const about = ["3", "fatal", "1", "1", "-", "Error: no"];
      return q.engine.giveUp(
        ["retry", "later", "k-later", "n", "dead", "none"].flatMap((id) => [id, ...about]),
      );
    },
  },
  heartbeat: {
    call: (q) =>
      q.engine.heartbeat(
        leases(q).flatMap(({ id, fence }) => [id, fence]),
        30_000,
      ),
  },
  key: {
    call: (q) =>
      changeKey(q.engine, { key: "c" }, { holdMs: 5_000, limit: { concurrency: 2 }, lastsMs: 10_000 }),
  },
  keys: { call: (q) => readKeys(q.engine, { limit: 10 }) },
  limits: { call: (q) => setLimits(q.engine, { queue: { concurrency: 9 }, key: { concurrency: 2 } }) },
  openKeys: {
    async call(q) {
      await q.engine.connection.script(scripts.limitsScript, q.keys, {
        clockMs: q.now,
        lines: "key 2 - 0 0 1",
      });
      const args = { clockMs: q.now, limit: 500 };
      await q.engine.connection.script(scripts.openKeysScript, q.keys, args);
    },
  },
  share: {
    call: (q) => setShare(q.engine, { name: "db", version: 1, limit: {} }, { concurrency: 9 }),
  },
  sharedLimit: {
    call: (q) => {
      const limit = { version: 1, limit: { concurrency: 9 }, queues: ["a", "b"], shares: {} };
      return new SharedLimits(q.engine.connection, q.name).write("db", null, limit);
    },
  },
  list: { call: (q) => q.engine.list("pending", "waiting", "", 10) },
  open: { call: (q) => q.engine.open() },
  pause: { call: (q) => q.engine.pause(false, "no") },
  progress: {
    call: (q) => q.engine.progress("held", q.held.at(-1)?.fence ?? "", { progress: "1", line: "info\tl" }),
  },
  expire: { call: (q) => q.engine.expire(500) },
  promote: { call: (q) => q.engine.promote(500) },
  purge: { call: (q) => q.engine.purge(200, 1), removes: ["kept", "kept-dead"] },
  partition: { call: (q) => new Registry(q.engine.connection, q.name).setPartitions("another", 0, 2) },
  queueAdd: {
    call: (q) =>
      new Registry(q.engine.connection, q.name).addQueue("another", { maker: { who: "key:a", most: 10 } }),
  },
  queueRemove: {
    call: (q) => new Registry(q.engine.connection, q.name).removeQueue("gone", async () => true),
  },
  reap: { call: (q) => q.engine.reap(500) },
  reject: { call: (q) => q.engine.reject(["report"], "-", 500) },
  register: {
    call: putWorker,
  },
  replay: {
    call: (q) =>
      q.engine.replay(
        ["dead", "", "k-dead", "", "kept-dead", "", "unkept", "", "n", "", "none", ""],
        request,
      ),
  },
  replace: {
    call(q) {
      const envelope = encodeEnvelope("t", q.now, "2", {
        delayMs: 5,
        unique: { key: "u1", onConflict: "replace" },
      });
      return q.engine.replace(["u1", envelope, "u-gone", envelope], request);
    },
  },
  restore: {
    call: (q) => q.engine.restore(["dropped", "dead", "none"], "d1", request),
    restores: ["dropped"],
  },
  scheduleDelete: { call: (q) => schedules(q).delete("s") },
  schedulePlan: {
    async call(q) {
      await schedules(q).settle("s", run(q));
      const [due] = (await schedules(q).due(1)).schedules;
      if (due) await schedules(q).plan(due, { nextAt: q.now + 60_000, owed: [q.now - 60_000], runs: [] });
    },
  },
  schedulePut: { call: (q) => schedules(q).put("new", null, definition(q, 2), next(q.now + 60_000)) },
  scheduleSettle: { call: (q) => schedules(q).settle("s", run(q)) },
  schedulesDue: { call: (q) => schedules(q).due(1, { janitorId: "j", aliveMs: 15_000 }) },
  seriesWrite: {
    async call(q) {
      const store = new SeriesStore(q.engine.connection, "queue");
      const bucket = {
        bucket: "b",
        longBucket: "l",
        typesBucket: "t",
        replaces: false,
        last: "1 x",
        expectedAt: null,
      };
      await store.write(q.name, bucket);
    },
  },
  timings: { call: (q) => q.engine.timings(["w1", 2, "r3", 4]) },
  typeTimings: { call: (q) => q.engine.typeTimings("t", ["n", 2, "r3", 4]) },
  settle: {
    call: (q) =>
      q.engine.settle(
        [
          ...leases(q).map((lease, at) => {
            const told = `${["ab1", "ab2", "ab2"][at]} t 1 -`;
            return { kind: at === 1 ? "fatal" : "fail", ...lease, delayMs: 5, error: "no", told } as const;
          }),
          { kind: "ack", id: "dead", fence: "1-old" },
        ],
        q.roundTripArgs({ want: 5, held: 1, nonce: "n", types: typesText("t report") }),
        request,
      ),
  },
  stats: { call: (q) => q.engine.stats() },
};

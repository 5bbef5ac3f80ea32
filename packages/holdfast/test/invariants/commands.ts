// The commands of the model test, which runs random calls and compares Redis with a model. The file has more than 500
// lines because it holds one command for each script, and all of them share the helpers at its top.
import { HOLD_SCOPES, type HoldScope, type Keep } from "@holdfast/contracts";
import { type RedisServer, until } from "@holdfast/testing";
import fc from "fast-check";
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { Engine, RoundTrip, Verdict } from "../../src/engine/engine.ts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { changeKey, setLimits } from "../../src/engine/limits.ts";
import { decodeRecord } from "../../src/engine/record.ts";
import { parsePush } from "../../src/engine/round-trip.ts";
import { setShare } from "../../src/engine/shared-limits.ts";
import { sendSignal } from "../../src/engine/steps.ts";
import type { Request } from "../../src/engine/task-scripts.ts";
import { type ChangeArgs, changeScript } from "../../src/redis/generated/index.ts";
import { workerChannel } from "../../src/redis/keys.ts";
import { fenceOf } from "../support/fence.ts";
import { readQueue, violationsOf } from "../support/invariants.ts";
import type { startLossyProxy } from "../support/lossy-proxy.ts";
import { LEASE_MS } from "../support/test-queue.ts";
import type { ToldStates } from "../support/told-states.ts";
import { givenUp } from "./ledger.ts";
import { type Kind, MAX_RETRIES, type Model, type ModelChange, type NewTask } from "./model.ts";
import { type Asked, fillOf, isByKey, mostOf, runs } from "./parking.ts";

export interface Real {
  engine: Engine;
  redis: Redis;
  server: RedisServer;
  proxy: Awaited<ReturnType<typeof startLossyProxy>>;
  clock: { nowMs: number };
  nonces: number;
  /** A Redis client that is subscribed to the channels of the listening workers. */
  listener: Redis;
  heard: Buffer[];
  /** The states that a reader knows from events; undefined if the queue keeps no events. */
  told: ToldStates | undefined;
}

/** How a call is made: once, twice with the same request id, or once with a lost reply. */
type Sending = "once" | "twice" | "lost";

const NO_HANDLER_MS = 100_000;
const KEEP_LATEST = { onConflict: "keepLatest" } as const;

/** Returns the token of the task at this place of a grant. */
const tokenAt = (first: number, at: number, nonce: string) => `${first}-${nonce}.${at + 1}`;

type Body = (model: Model, real: Real) => Promise<void>;

/**
 * Checks the invariants I1 (a task is in one place) and I2 (the counters are right). Then compares every task in
 * Redis with the model.
 */
async function expectEqual(model: Model, { redis, engine, told: events }: Real): Promise<void> {
  const queue = await readQueue(redis, engine.keys);
  expect(violationsOf(queue)).toEqual([]);
  expect((await engine.audit(false)).violations).toEqual([]);
  const told = [...queue.tasks].map(([id, t]) => [
    id,
    t.state,
    t.attempts,
    t.generation,
    t.crashes,
    t.releases,
    t.fence ?? "",
  ]);
  const expected = [...model.tasks]
    .filter(([, t]) => t.state !== "purged")
    .map(([id, t]) => [id, t.state, t.attempts, t.generation, t.crashes, t.releases, fenceOf(t.token)]);
  expect(told.sort()).toEqual(expected.sort());
  await events?.read();
  expect(events?.missed ?? 0).toBe(0);
  expect(events?.wrong([...queue.tasks].map(([id, { state }]) => [id, state] as const)) ?? []).toEqual([]);
  expect([queue.accepted, queue.purged]).toEqual([model.acceptedTotal, model.purgedTotal]);
  expect(queue.failures, "failures that errors count").toBe(model.failuresTotal);
  const parked = model.parking.lines.map(
    ({ workerId, want, nonce, types, request: { requestSlot, sequence } }) =>
      [workerId, requestSlot, sequence, want, LEASE_MS, MAX_RETRIES, nonce].join(" ") + types,
  );
  const inRedis = (await redis.hget(engine.keys.state, "#parked")) ?? "";
  // If limits are used, the model does not know which calls wake the workers, so it takes over the state of Redis.
  if (inRedis === "" && model.limits.used) model.parking.wake();
  else expect(inRedis).toBe(parked.join("\n"));
}

class Command implements fc.AsyncCommand<Model, Real> {
  readonly #text: string;
  readonly #body: Body;

  constructor(text: string, body: Body) {
    this.#text = text;
    this.#body = body;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.#body(model, real);
    await expectEqual(model, real);
  }

  toString(): string {
    return this.#text;
  }
}

async function send<Reply>(
  real: Real,
  sending: Sending,
  call: (request: Request) => Promise<Reply>,
  /** Returns the part of the reply that a repeated call has to return again. */
  told: (reply: Reply) => unknown = (reply) => reply,
  /** A request that stays open after the call. The caller of this function ends it. */
  kept?: Request & { readonly index: number },
): Promise<Reply> {
  const request = kept ?? real.engine.takeRequest();
  try {
    const lost = real.proxy.lost;
    if (sending === "lost") real.proxy.loseReplyTo(request.requestSlot);
    const reply = await call(request);
    expect(real.proxy.lost).toBe(lost + (sending === "lost" ? 1 : 0));
    if (sending === "twice") expect(told(await call(request))).toEqual(told(reply));
    return reply;
  } finally {
    if (!kept) real.engine.giveRequest(request);
  }
}

function roundTripArgs(model: Model, real: Real, want: number, held: number) {
  return {
    want: model.paused ? 1 : want,
    held,
    leaseMs: LEASE_MS,
    maxRetries: MAX_RETRIES,
    workerId: "w",
    nonce: `n${++real.nonces}`,
    park: false,
    types: "",
    noHandlerAfterMs: NO_HANDLER_MS,
  };
}

/**
 * Returns the ids of the tasks that an acquire moved aside because their type has no handler. Cancelled tasks are
 * among them.
 */
const aside = async ({ redis, engine }: Real) =>
  (await redis.zrange(engine.keys.pendingTyped, "-", "+", "BYLEX")).map(
    (member) => member.split(" ").at(-1) ?? "",
  );

/**
 * Updates the model after an acquire has moved these tasks aside. They have a record now, and the acquire has woken
 * the waiting workers.
 */
async function toldAside(model: Model, real: Real, before: string[]): Promise<void> {
  const put = (await aside(real)).filter((id) => !before.includes(id));
  for (const id of put) Object.assign(model.task(id), { touched: true, order: null });
  if (put.length > 0) model.parking.wake();
}

/**
 * Checks that the tasks are leased under the next tokens. If the worker heard the message, it has to name the same
 * tasks.
 */
async function expectPushed(
  model: Model,
  real: Real,
  asked: Asked,
  ids: string[],
  heard: boolean,
): Promise<void> {
  const { tasks } = await readQueue(real.redis, real.engine.keys);
  // Redis keeps the reply for a repeated call: sequence and time, then verdicts, first grant, flags and ids.
  const recorded = await real.redis.hget(real.engine.keys.state, asked.request.requestSlot);
  const granted = recorded?.split("\n")[1]?.split(" ").slice(3) ?? [];
  expect(granted).toEqual(ids);
  const first = model.grants.length + 1;
  asked.granted = granted.map((id, at) => ({ id, token: tokenAt(first, at, asked.nonce) }));
  for (const { id, token } of asked.granted) {
    expect([tasks.get(id)?.workerId, tasks.get(id)?.fence]).toEqual([asked.workerId, fenceOf(token)]);
    model.grant(id, token);
  }
  if (!heard) return;
  const { requestSlot, sequence } = asked.request;
  const messages = () =>
    real.heard.map((message) => parsePush(message)).filter((push) => push?.requestSlot === requestSlot);
  await until("the message with the grants has arrived", () =>
    messages().some((push) => push?.sequence === sequence),
  );
  const told = messages().filter((push) => push?.sequence === sequence);
  expect(
    told.map((push) => push?.roundTrip(asked.nonce)?.grants.map(({ id, token }) => ({ id, token }))),
  ).toEqual([asked.granted]);
  close(model, real, asked);
}

function close(model: Model, real: Real, asked: Asked): void {
  real.engine.giveRequest(asked.request);
  model.parking.asked.delete(asked.workerId);
}

/** Returns whether the waiting task that an enqueue may replace was moved aside, because its type has no handler. */
async function standsAside(model: Model, { engine }: Real, task: NewTask): Promise<boolean> {
  if (!task.keepLatest || !model.isHeld(task.unique, task.id)) return false;
  const [id] = model.latest(task.unique, task.id);
  const [read] = await engine.get([id]);
  return read !== undefined && decodeRecord(read.record, false).unroutedSince !== null;
}

const enqueue = (tasks: NewTask[], sending: Sending, heard: boolean) =>
  new Command(`enqueue(${sending}, ${heard}, ${JSON.stringify(tasks)})`, async (model, real) => {
    const { pendingHigh, pending, pendingLow } = real.engine.keys;
    const nothingWaits = model.in("pending").length <= (await aside(real)).length;
    // The lists still have the entries of cancelled tasks, so their lengths are read from Redis.
    const lengths = await Promise.all([pendingHigh, pending, pendingLow].map((key) => real.redis.llen(key)));
    const rank = ({ delayMs, key, priority }: NewTask) => {
      if (delayMs > 0) return 4;
      return key === "" ? ["high", "normal", "low"].indexOf(priority) : 3;
    };
    const { given = true, once = false } = tasks[0] ?? {};
    const sorted = tasks
      .map((task) => ({ ...task, given, once, id: given ? task.id : `m${model.minted++}` }))
      .sort((a, b) => rank(a) - rank(b));
    const tail = sorted.flatMap(
      ({
        id,
        type,
        body,
        key,
        unique,
        keepLatest,
        priority,
        maxRetries,
        delayMs,
        expiresInMs,
        keepPayload,
        keep,
      }) => {
        const options = {
          maxRetries,
          ...(key === "" ? {} : { key }),
          ...(unique === "" ? {} : { unique: { key: unique, ...(keepLatest ? KEEP_LATEST : {}) } }),
          ...(priority === "normal" ? {} : { priority }),
          ...(delayMs > 0 ? { delayMs } : {}),
          ...(keepPayload ? {} : { keepPayload }),
          ...(keep === null ? {} : { keep }),
          ...(expiresInMs > 0 ? { expiresAt: model.nowMs + expiresInMs } : {}),
        };
        const fingerprint = given ? `fp${type}${body.length}` : undefined;
        return [id, encodeEnvelope(type, model.nowMs, body, options, fingerprint)];
      },
    );
    const of = (n: number) => sorted.filter((task) => rank(task) === n).length;
    const isUnique = sorted.some(({ unique }) => unique !== "");
    const args = {
      checked: given,
      once,
      unique: isUnique,
      high: of(0),
      normal: of(1),
      low: of(2),
      keyed: of(3),
      tail,
    };
    const hadLimits = model.limits.used;
    // If the id belonged to an ended task, the first call has begun its next life. So a repeated call gets another
    // verdict.
    const ended = new Set(sorted.map(({ id }) => id).filter((id) => model.hasEnded(id)));
    const wasEnded = (at: number) => ended.has(sorted[at]?.id ?? "");
    const told = (answer: { verdicts: string }) =>
      [...answer.verdicts].map((verdict, at) => (wasEnded(at) ? "" : verdict));
    const call = (request: Request) => real.engine.enqueue(args, request);
    const isAside = await standsAside(model, real, sorted[0] as NewTask);
    const { verdicts } = await send(real, sending, call, told);
    const firstDueMs = model.firstDueMs();
    const begun: NewTask[] = [];
    // New tasks take their unique keys in the first call. Ids of ended tasks begin their next life in a second call.
    const places = [...sorted.keys()].sort((a, b) => Number(wasEnded(a)) - Number(wasEnded(b)));
    for (const at of places) {
      const task = sorted[at] as NewTask;
      const verdict = verdicts[at] ?? "";
      expect(model.enqueueVerdicts(task), `verdict of ${task.id}`).toContain(verdict);
      if (verdict === "n" && model.accept(task)) begun.push(task);
      if (verdict === "a") model.follow(task);
      if (verdict === "r") model.replace(task, isAside);
      if ((verdict === "n" || verdict === "a") && task.key !== "") model.limits.used = true;
    }
    const isNew = (task: NewTask, at: number) => verdicts[at] === "n" && !begun.includes(task);
    const pushed = sorted.filter((task, at) => isNew(task, at) && task.delayMs === 0);
    const alone = nothingWaits && pushed.every((task) => lengths[rank(task)] === 0);
    const types = pushed.map(({ type }) => type);
    const asked = model.parking.grantTo(types, alone && !model.paused && !hadLimits);
    // Waiting workers know the first due time, so only an earlier one wakes them. The second call, for next lives,
    // always wakes them.
    const isSooner = model.firstDueMs() < firstDueMs || begun.some(({ delayMs }) => delayMs === 0);
    if (isSooner && !model.paused) model.parking.wake();
    const ids = pushed.map(({ id }) => id);
    if (asked) await expectPushed(model, real, asked, ids, heard);
  });

/** Checks the reply, and updates the model from it. */
async function take(
  model: Model,
  real: Real,
  trip: RoundTrip,
  { held, types, sending }: { held: number; types: string; sending: Sending },
): Promise<void> {
  expect(trip.paused).toBe(model.paused);
  const waiting = model.paused ? [] : model.in("pending");
  const late = waiting.filter(([, task]) => task.expiresAtMs <= model.nowMs);
  const read = await real.engine.get(late.map(([id]) => id));
  const expired = read.filter(({ record }) => record.startsWith("e")).map(({ id }) => id);
  // The repeated reply does not list expired tasks.
  if (sending !== "lost") expect(trip.expired.map(({ id }) => id).sort()).toEqual([...expired].sort());
  for (const id of expired) model.end(model.task(id), "expired");
  for (const { id, token } of trip.grants) {
    const task = model.task(id);
    expect([id, task.state, model.grants.some((grant) => grant.token === token)]).toEqual([
      id,
      "pending",
      false,
    ]);
    expect(task.expiresAtMs).toBeGreaterThan(model.nowMs);
    expect([id, runs(types, task.type)]).toEqual([id, true]);
    expect([id, model.needsSolo(task)]).toEqual([id, trip.solo]);
    if (trip.solo) expect([held, trip.grants.length]).toEqual([0, 1]);
    expect([id, task.key, model.hasRoom(task)]).toEqual([id, task.key, true]);
    if (task.key !== "") {
      // If the batch of a task is not full, the task is moved aside.
      const takes = (type: string) => runs(types, type) && fillOf(types, type) === 0;
      const overtaken = takes(task.type) ? model.before(task).filter(([, other]) => takes(other.type)) : [];
      expect([id, overtaken.map(([before]) => before)]).toEqual([id, []]);
    }
    model.grant(id, token);
  }
}

/**
 * Checks that no task is left that this worker could have been granted. A task that was moved aside can be granted
 * only to a worker that has sent its types.
 */
async function expectNothingLeft(
  model: Model,
  real: Real,
  { held, types, grants }: { held: number; types: string; grants: RoundTrip["grants"] },
): Promise<void> {
  const apart = types === "" ? await aside(real) : [];
  const left = model.paused ? [] : model.in("pending").filter(([, task]) => model.hasRoom(task));
  // A task that has to run alone is the first one in the line of its key.
  const solo = left.filter(([, task]) => model.needsSolo(task));
  const isBehindSolo = (key: string) => key !== "" && solo.some(([, task]) => task.key === key);
  const mayWait = (type: string) => {
    const fill = fillOf(types, type);
    // A worker takes a full batch of a key as a whole. It may have had too little room for this batch, and only room
    // for another key.
    if (isByKey(types, type) && grants.length > 0) return true;
    if (grants.filter(({ id }) => model.task(id).type === type).length >= mostOf(types, type)) return true;
    return fill > 0 && left.filter(([, task]) => task.type === type && task.key === "").length < fill;
  };
  const fitting = left.filter(
    ([id, task]) =>
      !mayWait(task.type) &&
      (held === 0 || !(model.needsSolo(task) || isBehindSolo(task.key))) &&
      runs(types, task.type) &&
      !apart.includes(id),
  );
  expect(fitting.map(([id]) => id)).toEqual([]);
}

const toldGrants = ({ grants }: RoundTrip) => grants.map(({ id, token, envelope }) => [id, token, envelope]);

const acquire = (want: number, held: number, types: string, sending: Sending) =>
  new Command(`acquire(${want}, held ${held}, "${types}", ${sending})`, async (model, real) => {
    let left = want;
    for (let calls = 0; ; calls++) {
      expect(calls, "calls until there is nothing more to look at").toBeLessThan(100);
      const promoted = model.paused ? 0 : model.promote();
      const args = { ...roundTripArgs(model, real, left, held), types };
      const before = await aside(real);
      const call = (request: Request) => real.engine.acquire(args, request);
      const trip = await send(real, sending, call, toldGrants);
      if (promoted > trip.grants.length) model.parking.wake();
      await toldAside(model, real, before);
      await take(model, real, trip, { held, types, sending });
      left -= trip.grants.length;
      if (trip.solo || left === 0) return;
      // While tasks are moved aside, every reply tells a worker that has sent no types to call again. That alone does
      // not show that tasks are left.
      if (trip.again && !(types === "" && trip.typed && trip.grants.length + trip.expired.length === 0))
        continue;
      if (!trip.again) await expectNothingLeft(model, real, { held, types, grants: trip.grants });
      return;
    }
  });

const listen = async (model: Model, { engine, listener }: Real, workerId: string, listens: boolean) => {
  const { listening } = model.parking;
  if (listening.has(workerId) === listens) return;
  const channel = workerChannel(engine.keys.wake, workerId);
  if (listens) await listener.ssubscribe(channel);
  else await listener.sunsubscribe(channel);
  if (listens) listening.add(workerId);
  else listening.delete(workerId);
};

/** An idle worker asks for tasks, or repeats its open request. @param want 0 if the worker stops */
const poll = (
  workerId: string,
  want: number,
  held: number,
  types: string,
  listens: boolean,
  sending: Sending,
) =>
  new Command(
    `poll(${workerId}, ${want}, held ${held}, "${types}", ${listens}, ${sending})`,
    async (model, real) => {
      await listen(model, real, workerId, listens);
      const { parking } = model;
      const asked: Asked = parking.asked.get(workerId) ?? {
        workerId,
        want,
        types,
        nonce: `n${++real.nonces}`,
        request: real.engine.takeRequest(),
        granted: null,
      };
      const promoted = model.paused || asked.granted ? 0 : model.promote();
      const { nonce, request } = asked;
      const args = {
        ...roundTripArgs(model, real, want, held),
        want,
        workerId,
        nonce,
        types,
        park: want > 0,
      };
      const before = await aside(real);
      const trip = await send(
        real,
        sending,
        (request) => real.engine.acquire(args, request),
        toldGrants,
        request,
      );
      if (asked.granted) {
        const stillLeased = asked.granted.filter(({ id, token }) => model.holds(id, token));
        expect(trip.grants.map(({ id, token }) => ({ id, token }))).toEqual(stillLeased);
        close(model, real, asked);
        return;
      }
      expect(trip.parked).toBe(want > 0 && trip.grants.length === 0 && !trip.again && !trip.makeRoom);
      if (!trip.parked) parking.leave(workerId);
      else parking.park({ ...asked, want, types });
      await toldAside(model, real, before);
      if (promoted > trip.grants.length) {
        parking.wake();
        // A parked request is not recorded as answered, so a repeated one parks again.
        if (trip.parked && sending !== "once") parking.park({ ...asked, want, types });
      }
      await take(model, real, trip, { held, types, sending });
      if (trip.grants.length < want && !trip.again && !trip.solo)
        await expectNothingLeft(model, real, { held, types, grants: trip.grants });
      parking.asked.set(workerId, { ...asked, types });
      if (!trip.parked) close(model, real, asked);
    },
  );

const kinds: readonly Kind[] = [
  ...(["ack", "fail", "fatal", "release", "unstarted", "unrouted", "limited"] as const),
  ...(["excuse", "cancel", "drop", "suspend"] as const),
];

const settle = (kind: Kind, at: number, delayMs: number, sending: Sending) =>
  new Command(`settle(${kind}, ${at}, ${delayMs}, ${sending})`, async (model, real) => {
    // The newest grants are chosen most often, because they are most likely to be still held.
    const { id, token } = model.grants.at(-1 - (at % Math.max(1, model.grants.length))) ?? {
      id: "t0",
      token: "1-forged",
    };
    const scope = HOLD_SCOPES[at % 3] as HoldScope;
    // A worker asks for a wait of at least 1 ms after an error that does not count as a failure.
    const waitMs = kind === "excuse" || kind === "suspend" ? Math.max(1, delayMs) : delayMs;
    const verdict = {
      kind,
      id,
      fence: fenceOf(token),
      delayMs: waitMs,
      error: "no",
      // One verdict in four has no error signature.
      ...(at % 4 === 3 ? {} : { told: `ab${at % 4} t ${at % 2} a,b${at % 5}` }),
      scope,
      events: "e",
    } as Verdict;
    const args = roundTripArgs(model, real, 0, 0);
    args.want = 0;
    const { outcomes } = await send(real, sending, (request) => real.engine.settle([verdict], args, request));
    expect(outcomes).toEqual([model.settle(kind, id, token, waitMs, scope)]);
  });

const heartbeat = (at: number) =>
  new Command(`heartbeat(${at})`, async (model, real) => {
    const grant = model.grants.at(-1 - (at % Math.max(1, model.grants.length)));
    if (!grant) return;
    const { id, token } = grant;
    expect(await real.engine.heartbeat([id, fenceOf(token)], LEASE_MS)).toBe(model.heartbeat(id, token));
  });

const anId = (model: Model, at: number) =>
  [...model.tasks.keys()].at(at % Math.max(1, model.tasks.size)) ?? "t0";

/** Returns different ids, dead tasks first, because most operator commands need dead tasks. */
function someIds(model: Model, at: number, count: number): string[] {
  const ids = [...model.in("dead").map(([id]) => id), anId(model, at), anId(model, at + 1)];
  return [...new Set(ids)].slice(0, count);
}

const replay = (at: number, count: number, sending: Sending) =>
  new Command(`replay(${at}, ${count}, ${sending})`, async (model, real) => {
    const ids = someIds(model, at, count);
    const tail = ids.flatMap((id) => [id, ""]);
    const letters = await send(real, sending, (request) => real.engine.replay(tail, request));
    // The reply has a letter per task. After the letters it names the tasks that hold unique keys, which the model
    // does not check.
    expect(letters.split(" ")[0]).toBe(model.replay(ids));
  });

/** Gives up tasks, most of them scheduled. If a task is named twice, it is given up once. */
const giveUp = (at: number, count: number, reason: "fatal" | "crashes_exhausted", isRepeated: boolean) =>
  new Command(`giveUp(${at}, ${count}, ${reason}, ${isRepeated})`, async (model, { engine }) => {
    const scheduled = model.in("scheduled").map(([id]) => id);
    const from = scheduled.slice(at % Math.max(1, scheduled.length));
    const ids = [...from, anId(model, at)].slice(0, count);
    if (isRepeated) ids.push(...ids);
    expect(await engine.giveUp(givenUp(ids, reason))).toBe(model.giveUp(ids, reason));
  });

const change = (at: number, count: number, what: ModelChange, sending: Sending) =>
  new Command(`change(${at}, ${count}, ${JSON.stringify(what)}, ${sending})`, async (model, real) => {
    // After most commands few tasks wait, so the waiting tasks come first.
    const waiting = [...model.in("scheduled"), ...model.in("pending")].map(([id]) => id);
    const from = waiting.slice(at % Math.max(1, waiting.length));
    const ids = [...new Set([...from, anId(model, at)])].slice(0, count);
    const args = {
      waitedBefore: 0,
      givenTime: what.delayMs === undefined ? "" : `+${what.delayMs}`,
      givenPriority: what.priority?.[0] ?? "",
      givenKey: what.key === undefined ? "" : `=${what.key}`,
      givenPayload: what.payload ? "[2]" : "",
    };
    const call = (request: Request) =>
      real.engine.runRequest<ChangeArgs, string>(changeScript, { ...args, tail: ids }, request);
    const expected = model.change(ids, what);
    expect(await send(real, sending, call)).toBe(expected);
  });

const simple: Record<string, Body> = {
  promote: async (model, { engine }) => {
    const { promoted } = await engine.promote(500);
    expect(promoted).toBe(model.promote());
    if (promoted > 0) model.parking.wake();
  },
  expire: async (model, { engine }) => {
    const late = model.in("pending").filter(([, task]) => task.expiresAtMs <= model.nowMs);
    expect((await engine.expire(500)).expired).toBe(late.length);
    for (const [, task] of late) model.end(task, "expired");
  },
  reap: async (model, { engine }) => {
    expect(await engine.reap(500)).toMatchObject(model.reap());
  },
  purge: async (model, { engine, redis }) => {
    const { purged, dropped } = await engine.purge(200, 3_600_000);
    expect([purged, dropped]).toEqual([model.purgeEnded(), model.dropDead()]);
    expect(Number(await redis.hget(engine.keys.state, "#dropped"))).toBe(model.droppedTotal);
  },
  pause: async (model, { engine }) => {
    model.paused = !model.paused;
    await engine.pause(model.paused);
    if (!model.paused) model.parking.wake();
  },
  reject: async (model, { engine, redis }) => {
    const due = (await redis.zrange(engine.keys.pendingTyped, "-", "+", "BYLEX"))
      .map((member) => member.split(" "))
      .filter(([, type, , dieAt]) => type !== "t" && Number(dieAt) <= model.nowMs)
      .map((fields) => fields.at(-1) ?? "");
    // The entry of a cancelled task stays in the list. It does not count for the next life of the same id.
    const read = await engine.get([...new Set(due)]);
    const standAside = read.filter(({ record }) => decodeRecord(record, false).unroutedSince !== null);
    const ended = standAside.map(({ id }) => id).filter((id) => model.task(id).state === "pending");
    expect(await engine.reject(["t"], "-", 100)).toEqual({ dead: ended.length, after: "" });
    model.failuresTotal += ended.length;
    for (const id of ended) model.end(model.task(id), "dead");
  },
  freeKeys: async (model, { engine }) => {
    await engine.freeKeys(500, "0");
    model.releaseForgotten();
  },
  "script flush": async (_, { redis }) => {
    await redis.script("FLUSH");
  },
};

const restart = new Command("restart of Redis", async ({ parking }, { server, redis, listener, engine }) => {
  await server.kill();
  await server.start();
  await redis.ping();
  // A real worker subscribes again by itself. This listener is not a worker, so the test subscribes it.
  for (const workerId of parking.listening)
    await listener.ssubscribe(workerChannel(engine.keys.wake, workerId));
});

const advance = (ms: number) =>
  new Command(`advance(${ms})`, async (model, real) => {
    model.nowMs += ms;
    real.clock.nowMs += ms;
  });

const cancel = (at: number) =>
  new Command(`cancel(${at})`, async (model, { engine }) => {
    const id = anId(model, at);
    expect(await engine.cancel(id)).toBe(model.cancel(id));
  });

const signal = (at: number, sending: Sending) =>
  new Command(`signal(${at}, ${sending})`, async (model, real) => {
    const id = anId(model, at);
    const call = (request: Request) => sendSignal(real.engine, id, "e", "1", request);
    expect(await send(real, sending, call)).toBe(model.signal(id));
  });

const discard = (at: number, count: number, by: string, sending: Sending) =>
  new Command(`discard(${at}, ${count}, ${by}, ${sending})`, async (model, real) => {
    const ids = someIds(model, at, count);
    const tail = ids.flatMap((id) => [id, ""]);
    const call = (request: Request) => real.engine.discard(tail, request, { discard: by });
    expect(await send(real, sending, call)).toBe(model.discard(ids, by));
  });

const restore = (at: number, count: number, by: string, sending: Sending) =>
  new Command(`restore(${at}, ${count}, ${by}, ${sending})`, async (model, real) => {
    const gone = model.in("discarded").map(([id]) => id);
    const ids = [...new Set([...gone, anId(model, at), anId(model, at + 1)])].slice(0, count);
    const call = (request: Request) => real.engine.restore(ids, by, request);
    expect(await send(real, sending, call)).toBe(model.restore(ids, by));
  });

/** @param type the limit for the type "u" */
const limit = (queue: number, key: number, type: number) =>
  new Command(`limits(${queue}, ${key}, ${type})`, async (model, { engine }) => {
    await setLimits(engine, {
      ...(queue > 0 ? { queue: { concurrency: queue } } : {}),
      ...(key > 0 ? { key: { concurrency: key } } : {}),
      ...(type > 0 ? { types: { u: { concurrency: type } } } : {}),
    });
    const most = (concurrency: number) => concurrency || Number.POSITIVE_INFINITY;
    model.limits.set(most(queue), most(key), new Map(type > 0 ? [["u", type]] : []), model.nowMs);
    model.parking.wake();
  });

/** @param concurrency the share of a limit that queues share; 0 removes the share */
const share = (concurrency: number) =>
  new Command(`share(${concurrency})`, async (model, { engine }) => {
    const given = concurrency > 0 ? { concurrency } : null;
    await setShare(engine, { name: "db", version: 1, limit: {} }, given);
    const after = concurrency || Number.POSITIVE_INFINITY;
    if (after === model.limits.share) return;
    model.limits.used = true;
    model.limits.share = after;
    model.parking.wake();
  });

/** Holds a key, or the queue. @param holdMs 0 ends the hold */
const hold = (key: string, holdMs: number) =>
  new Command(`hold("${key}", ${holdMs})`, async (model, { engine }) => {
    await changeKey(engine, key === "" ? "queue" : { key }, { holdMs });
    model.limits.hold(key, holdMs > 0 ? model.nowMs + holdMs : 0, true);
    model.parking.wake();
  });

/** @param concurrency the key's own limit; 0 removes that limit */
const ownLimit = (key: string, concurrency: number, lastsMs: number) =>
  new Command(`ownLimit("${key}", ${concurrency}, ${lastsMs})`, async (model, { engine }) => {
    await changeKey(engine, { key }, concurrency > 0 ? { limit: { concurrency }, lastsMs } : { limit: null });
    model.limits.used = true;
    const untilMs = lastsMs > 0 ? model.nowMs + lastsMs : Number.POSITIVE_INFINITY;
    model.limits.own.delete(key);
    if (concurrency > 0) model.limits.own.set(key, { concurrency, untilMs });
    model.parking.wake();
  });

const sending = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Sending>("once") },
  { weight: 2, arbitrary: fc.constant<Sending>("twice") },
  { weight: 1, arbitrary: fc.constant<Sending>("lost") },
);
const at = fc.nat({ max: 12 });
/**
 * The types that a worker sends: none, an empty list, one type, both, or batches of one type. A batch waits until it
 * is full.
 */
const types = fc.constantFrom(
  "",
  "",
  "",
  " ",
  " t",
  " u",
  " t u",
  " t=0/9/3/5000 u",
  " t=0/3/2/20000",
  " t=0/3/2/20000k",
);
/**
 * The names of discards. A restore finds only tasks of the discard that it names, so most calls have the same name.
 */
const by = fc.constantFrom("op1", "op1", "op2");

const newTask: fc.Arbitrary<NewTask> = fc.record({
  id: fc.integer({ min: 0, max: 9 }).map((n) => `t${n}`),
  given: fc.boolean(),
  once: fc.constantFrom(false, false, true),
  type: fc.constantFrom("t", "t", "t", "u"),
  body: fc.constantFrom("{}", "{}", "[1]"),
  key: fc.constant(""),
  unique: fc.constant(""),
  keepLatest: fc.constant(false),
  maxRetries: fc.integer({ min: 0, max: 4 }),
  delayMs: fc.constantFrom(0, 0, 0, 1, 5_000),
  expiresInMs: fc.constantFrom(0, 0, 0, 20_000),
  priority: fc.constantFrom("high", "normal", "low"),
  keepPayload: fc.boolean(),
  keep: fc.constantFrom<(Keep | null)[]>(
    ...[null, null, null, { completedMs: 0 }, { completedMs: 200_000, deadMs: 5_000 }, { count: 1 }],
    ...[{ count: 2, deadMs: 1 }, { count: 2, completedMs: 5_000 }, { deadMs: 300_000 }],
  ),
});

/** Half of the tasks of this call have a key. */
const keyedTask = fc
  .tuple(newTask, fc.constantFrom("", "", "a", "a", "b"))
  .map(([task, key]) => ({ ...task, key }));
const enqueueKeyed = fc
  .tuple(fc.array(keyedTask, { minLength: 1, maxLength: 5 }), sending, fc.boolean())
  .map((args) => enqueue(...args));
/** Most tasks of this call have a unique key, and most of these keys are equal. */
const uniqueTask = fc
  .tuple(keyedTask, fc.constantFrom("", "a", "a", "a", "b", "c"))
  .map(([task, unique]) => ({ ...task, unique }));
const enqueueUnique = fc
  .tuple(fc.array(uniqueTask, { minLength: 1, maxLength: 4 }), sending, fc.boolean())
  .map((args) => enqueue(...args));
/**
 * Enqueues one task with `keepLatest`, which replaces a waiting task with the same unique key. A replacement needs the
 * same type and key, so most tasks get the same ones.
 */
const enqueueLatest = fc
  .tuple(
    uniqueTask,
    fc.constantFrom("c", "c", "d"),
    fc.constantFrom("t", "t", "t", "u"),
    sending,
    fc.boolean(),
  )
  .map(([task, unique, type, ...how]) =>
    enqueue(
      [{ ...task, unique, type, key: unique === "c" ? "" : "a", keepLatest: true, delayMs: 0 }],
      ...how,
    ),
  );
/**
 * One task runs while another task with the same unique key waits for its end. Then the running task ends, or is
 * retried.
 */
const latest = fc
  .tuple(
    enqueueLatest,
    enqueueLatest,
    fc.constantFrom(...kinds),
    fc.constantFrom(0, 5_000),
    enqueueLatest,
    sending,
  )
  .map(
    ([first, second, kind, delayMs, third, sending]) =>
      new Command(`${first}, acquire all, ${second}, ${kind}, ${third}`, async (model, real) => {
        await first.run(model, real);
        await acquire(50, 0, "", "once").run(model, real);
        for (const step of [second, settle(kind, 0, delayMs, sending), third]) await step.run(model, real);
      }),
  );
const limiting = [
  fc
    .tuple(fc.constantFrom(0, 0, 0, 3), fc.constantFrom(0, 1, 1, 2), fc.constantFrom(0, 0, 1, 2))
    .map((args) => limit(...args)),
  fc.constantFrom(0, 1, 4).map(share),
  fc
    .tuple(fc.constantFrom("a", "a", "b", ""), fc.constantFrom(0, 4_000, 20_000))
    .map((args) => hold(...args)),
  fc
    .tuple(fc.constantFrom("a", "b"), fc.constantFrom(0, 1, 3), fc.constantFrom(0, 5_000, 20_000))
    .map((args) => ownLimit(...args)),
];

const enqueueSome = fc
  .tuple(fc.array(newTask, { minLength: 1, maxLength: 5 }), sending, fc.boolean())
  .map((args) => enqueue(...args));
const polls = fc
  .tuple(
    fc.constantFrom("w1", "w1", "w2"),
    fc.constantFrom(0, 1, 4, 4, 8),
    fc.constantFrom(0, 0, 1),
    types,
    fc.constantFrom(true, true, true, false),
    sending,
  )
  .map((args) => poll(...args));
/** Empties the queue and lets a worker wait, so that the next enqueue can grant to it. */
const idle = fc.tuple(polls, enqueueSome).map(
  (steps) =>
    new Command(["acquire all", ...steps].join(", "), async (model, real) => {
      for (const step of [acquire(50, 0, "", "once"), ...steps]) await step.run(model, real);
    }),
);

/** Discards dead letters and restores them. Few tasks die, so single commands would rarely do this. */
const undone = fc.tuple(at, by, by, sending, sending).map(
  ([at, by, other, first, second]) =>
    new Command(`fail all, discard(${by}), restore(${other}) ${at}`, async (model, real) => {
      await acquire(50, 0, "", "once").run(model, real);
      for (let back = 0; back < 3; back++) await settle("fatal", back, 0, "once").run(model, real);
      await discard(at, 3, by, first).run(model, real);
      await restore(at, 3, other, second).run(model, real);
    }),
);

const often = [
  enqueueSome,
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom(0, 0, 1), types, sending)
    .map((args) => acquire(...args)),
  fc
    .tuple(fc.constantFrom(...kinds), fc.nat({ max: 3 }), fc.constantFrom(0, 5_000), sending)
    .map((a) => settle(...a)),
  fc.constantFrom(1, 4_999, 15_000, LEASE_MS + 1, 60_000).map(advance),
];
/** Tasks with keys are enqueued and acquired, some of them end, a limit is changed, and the next ones are acquired. */
const keyed = fc
  .tuple(enqueueKeyed, fc.integer({ min: 1, max: 6 }), types, fc.oneof(...limiting), sending)
  .chain(([add, want, types, change, sending]) =>
    fc
      .tuple(fc.constantFrom(...kinds), fc.constantFrom(...kinds), fc.constantFrom(0, 5_000))
      .map(([first, second, delayMs]) => [
        ...[add, acquire(want, 0, types, sending), settle(first, 0, delayMs, sending)],
        ...[change, settle(second, 1, delayMs, "once"), acquire(want, 0, types, "once")],
      ]),
  )
  .map(
    (steps) =>
      new Command(steps.join(", "), async (model, real) => {
        for (const step of steps) await step.run(model, real);
      }),
  );
const someChange: fc.Arbitrary<ModelChange> = fc.record(
  {
    delayMs: fc.constantFrom(0, 0, 1, 5_000, 20_000),
    priority: fc.constantFrom("high", "normal", "low"),
    key: fc.constantFrom("", "a", "a", "b"),
    payload: fc.boolean(),
  },
  { requiredKeys: [] },
);
const changes = fc
  .tuple(at, fc.integer({ min: 1, max: 4 }), someChange, sending)
  .map((args) => change(...args));
const signals = fc.tuple(at, sending).map((args) => signal(...args));
const sometimes = [
  fc
    .tuple(
      at,
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom("fatal" as const, "crashes_exhausted" as const),
      fc.boolean(),
    )
    .map((args) => giveUp(...args)),
  changes,
  changes,
  changes,
  at.map(cancel),
  signals,
  signals,
  at.map(heartbeat),
  fc.tuple(at, fc.integer({ min: 1, max: 3 }), sending).map((args) => replay(...args)),
  fc.tuple(at, fc.integer({ min: 1, max: 3 }), by, sending).map((args) => discard(...args)),
  fc.tuple(at, fc.integer({ min: 1, max: 3 }), by, sending).map((args) => restore(...args)),
  ...Object.entries(simple).map(([name, body]) => fc.constant(new Command(name, body))),
  fc.constant(new Command("reap", simple.reap as Body)),
];

/**
 * A command that is more often in this list is run more often. A restart of Redis takes a second, so it is here once.
 */
export const commands: fc.Arbitrary<Command>[] = [
  ...often,
  ...often,
  ...often,
  ...often,
  polls,
  polls,
  polls,
  idle,
  idle,
  idle,
  idle,
  undone,
  undone,
  keyed,
  keyed,
  enqueueKeyed,
  enqueueKeyed,
  enqueueUnique,
  enqueueUnique,
  enqueueUnique,
  enqueueLatest,
  enqueueLatest,
  latest,
  latest,
  ...sometimes,
  ...sometimes,
  fc.constant(restart),
];

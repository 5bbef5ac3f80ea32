// The actors of the interleaving tests, which run the steps of three actors in every order. The file has more than
// 500 lines, because it has one actor for each script, and all of them use the class `World` at its top.
import type { HoldScope, Keep, Unique } from "@holdfast/contracts";
import type { Redis } from "ioredis";
import { expect } from "vitest";
import { changeTasks } from "../../src/engine/change.ts";
import { Engine, type Grant, type RoundTrip, type Verdict } from "../../src/engine/engine.ts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { cancelFlow } from "../../src/engine/flow-mover.ts";
import { advanceFlows } from "../../src/engine/flows.ts";
import { changeKey, setLimits } from "../../src/engine/limits.ts";
import { setShare } from "../../src/engine/shared-limits.ts";
import { readSteps, sendSignal, waitForSignal, writeStep } from "../../src/engine/steps.ts";
import type { Connection } from "../../src/redis/connection.ts";
import { fenceOf } from "../support/fence.ts";
import { addFlow, type FlowOptionsOfTest } from "../support/flow.ts";
import { START_MS } from "../support/setup.ts";
import { typesText } from "../support/test-queue.ts";
import { givenUp, Ledger } from "./ledger.ts";

const LEASE_MS = 1_000;

const MOVED = new Set(["acked", "retried", "dead", "released", "cancelled"]);

/**
 * The queue of one interleaving: one order of all steps. The actors share the queue, and each keeps its own grants.
 */
export class World {
  readonly engine: Engine;
  readonly redis: Redis;
  readonly ledger = new Ledger();
  nowMs = START_MS;
  #nonces = 0;
  readonly #lastGrant = new Map<string, Grant>();

  constructor(connection: Connection, redis: Redis, name: string) {
    this.redis = redis;
    this.engine = new Engine(connection, name, { instance: "w", clockMs: () => this.nowMs });
  }

  /** Returns the last grant of this actor, or a forged grant if the actor has none. */
  lastOf(actor: string): { id: string; token: string } {
    return this.#lastGrant.get(actor) ?? { id: "a", token: `9-${actor}` };
  }

  async enqueue(
    id: string,
    options: {
      delayMs?: number;
      body?: string;
      type?: string;
      key?: string;
      unique?: Unique;
      keep?: Keep;
    } = {},
  ): Promise<void> {
    const { body = "{}", type = "t", ...rest } = options;
    const envelope = encodeEnvelope(type, this.nowMs, body, rest, `fp${body}`);
    const [normal, keyed] = rest.delayMs !== undefined ? [0, 0] : rest.key === undefined ? [1, 0] : [0, 1];
    const unique = rest.unique !== undefined;
    await this.engine.enqueue({
      checked: true,
      unique,
      high: 0,
      normal,
      low: 0,
      keyed,
      tail: [id, envelope],
    });
  }

  /** Enqueues a task under an id that the library generated. The task keeps no payload after its end. */
  async enqueueMinted(id: string): Promise<void> {
    const envelope = encodeEnvelope("t", this.nowMs, "{}", { keepPayload: false });
    await this.engine.enqueue({ checked: false, high: 0, normal: 1, low: 0, tail: [id, envelope] });
  }

  #roundTripArgs(actor: string, want: number) {
    return {
      want,
      held: 0,
      leaseMs: LEASE_MS,
      maxRetries: 2,
      workerId: actor,
      nonce: `n${++this.#nonces}`,
      park: false,
      noHandlerAfterMs: 86_400_000,
    };
  }

  #take(actor: string, trip: RoundTrip): void {
    for (const grant of trip.grants) {
      this.ledger.granted(grant.id, grant.token, this.nowMs, this.nowMs + LEASE_MS);
      this.#lastGrant.set(actor, grant);
    }
  }

  /** Acquires like a worker that runs the type in batches, each of which waits until it is full. */
  async acquireBatch(actor: string, type: string, fill: number): Promise<void> {
    const types = ` ${type}=0/10/${fill}/5000`;
    this.#take(actor, await this.engine.acquire({ ...this.#roundTripArgs(actor, 10), types }));
  }

  /** @param types the types that the actor runs; all types by default */
  async acquire(actor: string, want = 1, types?: string): Promise<void> {
    const told = types === undefined ? {} : { types: typesText(types) };
    const trip = await this.engine.acquire({ ...this.#roundTripArgs(actor, want), ...told });
    const granted = trip.grants.map(({ envelope }) => envelope.slice(1).split(" ")[0] ?? "");
    if (types !== undefined) expect(granted.filter((type) => !types.split(" ").includes(type))).toEqual([]);
    this.#take(actor, trip);
  }

  /** Acquires, loses the reply and repeats the request, which has to bring the same grants. */
  async acquireTwice(actor: string): Promise<void> {
    const args = this.#roundTripArgs(actor, 1);
    const request = this.engine.takeRequest();
    const first = await this.engine.acquire(args, request);
    expect((await this.engine.acquire(args, request)).grants).toEqual(first.grants);
    this.#take(actor, first);
  }

  async settle(
    actor: string,
    kind: Verdict["kind"],
    options: { want?: number; twice?: boolean; scope?: HoldScope } = {},
  ): Promise<void> {
    const { id, token } = this.lastOf(actor);
    const fence = fenceOf(token);
    const { scope = "key" } = options;
    const verdict = { kind, id, fence, delayMs: 500, error: "no", scope, events: "e" } as Verdict;
    const [before] = await this.engine.get([id]);
    const wasLeased = before?.record.startsWith("l") && before.record.split(" ")[1] === fence;
    const request = this.engine.takeRequest();
    const args = this.#roundTripArgs(actor, options.want ?? 0);
    const trip = await this.engine.settle([verdict], args, request);
    if (options.twice)
      expect((await this.engine.settle([verdict], args, request)).outcomes).toEqual(trip.outcomes);
    const [outcome = "unknown"] = trip.outcomes;
    if (wasLeased) this.ledger.settled(id, token, this.nowMs);
    // If an ack is repeated, the reply is "acked" again. Any other verdict needs the lease.
    else if (outcome !== "acked")
      expect(MOVED, `I5: ${kind} of ${id} without a lease`).not.toContain(outcome);
    if (outcome === "acked") {
      const [after] = await this.engine.get([id]);
      this.ledger.acked(id, generationOf(after?.record ?? ""), token);
    }
    this.#take(actor, trip);
  }

  /**
   * Stores a step, and then waits for the event "e". Neither call changes anything if the actor has lost the lease.
   */
  async stepAndWait(actor: string): Promise<void> {
    const { id, token } = this.lastOf(actor);
    const leased = { id, fence: fenceOf(token) };
    const [before] = await this.engine.get([id]);
    const isLeased = before?.record.startsWith("l") && before.record.split(" ")[1] === leased.fence;
    const stored = await writeStep(this.engine, leased, {
      place: 1,
      kind: "s",
      outcome: "d",
      name: "s",
      text: "1",
    });
    const wait = { place: 2, kind: "w", name: "e", timeoutMs: 700, events: ["e"] } as const;
    const answer = await waitForSignal(this.engine, leased, wait);
    expect([stored > 0, answer.kind !== "stale"]).toEqual([isLeased, isLeased]);
  }

  /** Sends a signal, and repeats the call as if its answer had been lost. */
  async signal(id: string): Promise<void> {
    const request = this.engine.takeRequest();
    const send = () => sendSignal(this.engine, id, "e", "1", request);
    const outcome = await send();
    expect(await send()).toBe(outcome);
    this.engine.giveRequest(request);
    expect((await readSteps(this.engine, id)).signals).toHaveLength(
      ["delivered", "kept"].includes(outcome) ? 1 : 0,
    );
  }

  giveShare(version: number, concurrency: number): Promise<unknown> {
    return setShare(this.engine, { name: "db", version, limit: {} }, { concurrency });
  }

  async heartbeat(actor: string): Promise<void> {
    const { id, token } = this.lastOf(actor);
    const letters = await this.engine.heartbeat([id, fenceOf(token)], LEASE_MS);
    if (letters !== "l") this.ledger.renewed(id, token, this.nowMs + LEASE_MS);
  }

  async flow(nodes: readonly string[], options: FlowOptionsOfTest = {}): Promise<void> {
    await addFlow({ engine: this.engine, now: this.nowMs }, nodes, options);
  }

  /** Counts the ended nodes of flows, like a janitor. */
  async advance(limit = 500): Promise<void> {
    while ((await advanceFlows(this.engine, limit)).more);
  }

  async drain(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      this.nowMs += LEASE_MS + 1_000;
      await this.engine.reap(100);
      await this.engine.freeKeys(100, "0");
      await this.advance();
      await this.engine.promote(100);
      const trip = await this.engine.acquire({ ...this.#roundTripArgs("end", 10), types: typesText("t u") });
      this.#take("end", trip);
      if (trip.grants.length === 0 && !trip.again) return;
      const verdicts = trip.grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence }));
      await this.engine.settle(verdicts, this.#roundTripArgs("end", 0));
      for (const { id, token } of trip.grants) this.ledger.settled(id, token, this.nowMs);
    }
    throw new Error("tasks are left after 20 rounds");
  }
}

function generationOf(record: string): number {
  return Number(record.split(" ")[0]?.split(",")[4] ?? 0);
}

type Step = (world: World) => Promise<unknown>;

export interface ActorSet {
  /** The limit of each key: how many of its tasks may be leased at the same time. */
  most?: number;
  prepare(world: World): Promise<void>;
  actors: [Step[], Step[], Step[]];
}

const after = (ms: number, step: Step): Step => {
  return (world) => {
    world.nowMs += ms;
    return step(world);
  };
};

const dead = async (world: World, id: string): Promise<void> => {
  await world.enqueue(id);
  await world.acquire("setup");
  await world.settle("setup", "fatal");
};

const onlyOne = { unique: { key: "k" } };
const replacing = { unique: { key: "k", onConflict: "replace" } } as const;
const latest = { unique: { key: "k", onConflict: "keepLatest" } } as const;
const onlyOnce = { unique: { key: "k", scope: "window", windowMs: 900 } } as const;

export const actorSets: Record<string, ActorSet> = {
  "a flow whose first node dies and is replayed, two workers, and a producer that adds nodes": {
    prepare: (w) => w.flow(["a", "b<a", "c<a,b"], { seal: false }),
    actors: [
      [(w) => w.acquire("A"), (w) => w.settle("A", "fatal"), (w) => advanceFlows(w.engine, 1)],
      [
        (w) => w.engine.replay(["f.a", ""]),
        (w) => w.acquire("B"),
        (w) => w.settle("B", "ack", { twice: true }),
      ],
      [
        (w) => w.flow(["d<a", "e<d,c"], { how: "add" }),
        (w) => advanceFlows(w.engine, 2),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
      ],
    ],
  },
  "a flow that is cancelled while its nodes are granted, handed back and cancelled one by one": {
    prepare: (w) => w.flow(["a", "b", "c<a"], { onDead: { a: "continue" } }),
    actors: [
      [(w) => w.acquire("A"), (w) => w.settle("A", "release"), (w) => w.acquire("A", 2)],
      [(w) => cancelFlow(w.engine, "f"), (w) => advanceFlows(w.engine, 1), (w) => advanceFlows(w.engine)],
      [(w) => w.engine.cancel("f.b"), (w) => w.acquire("C"), (w) => w.engine.cancel("f.c")],
    ],
  },
  "a producer that works, a worker that outlives its lease, a janitor": {
    prepare: (w) => w.enqueue("a"),
    actors: [
      [(w) => w.enqueue("x"), (w) => w.acquire("A"), (w) => w.settle("A", "ack")],
      [
        (w) => w.acquire("B"),
        after(LEASE_MS + 1, (w) => w.heartbeat("B")),
        (w) => w.settle("B", "fail", { twice: true }),
      ],
      [
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        after(600, (w) => w.engine.promote(10)),
        (w) => w.engine.purge(10, 60_000),
      ],
    ],
  },
  "a worker whose task waits for a signal, a producer that sends the signal, a janitor and a cancel": {
    prepare: (w) => w.enqueue("a"),
    actors: [
      [(w) => w.acquire("A"), (w) => w.stepAndWait("A"), (w) => w.settle("A", "suspend", { twice: true })],
      [(w) => w.signal("a"), (w) => w.acquire("B"), (w) => w.stepAndWait("B")],
      [
        after(600, (w) => w.engine.promote(10)),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.engine.cancel("a"),
      ],
    ],
  },
  "an operator who cancels, replays and discards, and two workers": {
    prepare: (w) => dead(w, "a").then(() => w.enqueue("b")),
    actors: [
      [
        (w) => w.engine.cancel("b"),
        (w) => w.engine.replay(["a", "", "b", ""]),
        (w) => w.engine.discard(["a", ""]),
      ],
      [(w) => w.acquire("A"), (w) => w.settle("A", "fatal"), (w) => w.acquire("A")],
      [
        (w) => w.acquire("B"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.settle("B", "ack", { twice: true }),
      ],
    ],
  },
  "two workers that settle and acquire at once, and a lost reply": {
    prepare: (w) => w.enqueue("a").then(() => w.enqueue("b")),
    actors: [
      [(w) => w.acquireTwice("A"), (w) => w.settle("A", "ack", { want: 1 }), (w) => w.settle("A", "release")],
      [(w) => w.acquire("B", 2), (w) => w.settle("B", "release", { want: 1 }), (w) => w.settle("B", "ack")],
      [
        (w) => w.engine.cancel("a"),
        after(LEASE_MS + 1, (w) => w.engine.reap(1)),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
      ],
    ],
  },
  "two workers whose tasks keep no payload, a cancel, a purge": {
    async prepare(w) {
      await w.engine.configure({ retentionMs: 1_000, idempotencyMs: 1_000 });
      await w.enqueueMinted("a");
      await w.enqueueMinted("b");
    },
    actors: [
      [(w) => w.acquire("A"), (w) => w.settle("A", "ack", { twice: true }), (w) => w.engine.cancel("a")],
      [
        (w) => w.acquire("B"),
        (w) => w.settle("B", "ack", { want: 1 }),
        (w) => w.settle("B", "ack", { twice: true }),
      ],
      [
        (w) => w.engine.epoch(),
        after(1_100, (w) => w.engine.purge(10, 10)),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
      ],
    ],
  },
  "two workers whose tasks are kept by a count and a time, a janitor": {
    async prepare(w) {
      await w.engine.configure({ retentionMs: 1_000, idempotencyMs: 1_000 });
      await w.enqueue("a", { keep: { count: 1, completedMs: 2_000, deadMs: 500 } });
      await w.enqueue("b", { keep: { count: 1, deadMs: 500 } });
      await w.enqueue("c", { keep: { completedMs: 0 } });
    },
    actors: [
      [
        (w) => w.acquire("A"),
        after(1, (w) => w.settle("A", "ack", { want: 1 })),
        (w) => w.settle("A", "fatal"),
      ],
      [
        (w) => w.acquire("B"),
        after(1, (w) => w.settle("B", "ack", { twice: true, want: 1 })),
        (w) => w.engine.replay(["a", "", "b", "", "c", ""]),
      ],
      [
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        after(600, (w) => w.engine.purge(10, 60_000)),
        (w) => w.engine.empty("kept", "completed", 1),
      ],
    ],
  },
  "two workers that run different types, an operator who cancels, a janitor that rejects": {
    async prepare(w) {
      await w.enqueue("u", { type: "u" });
      await w.enqueue("a");
    },
    actors: [
      [(w) => w.acquire("A"), (w) => w.settle("A", "unrouted"), (w) => w.acquire("A", 2, "t")],
      [(w) => w.acquire("B", 1, "u"), (w) => w.settle("B", "release"), (w) => w.acquire("B", 2, "u")],
      [
        (w) => w.engine.cancel("u"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        after(90_000_000, (w) => w.engine.reject(["t"], "-", 10)),
      ],
    ],
  },
  "a worker whose batches wait until they are full, one that takes single tasks, a janitor and a cancel": {
    async prepare(w) {
      await w.enqueue("b");
      await w.enqueue("a");
    },
    actors: [
      [
        (w) => w.acquireBatch("A", "t", 2),
        (w) => w.settle("A", "ack"),
        after(5_000, (w) => w.acquireBatch("A", "t", 9)),
      ],
      [(w) => w.acquire("B", 1, "t"), (w) => w.settle("B", "fail"), (w) => w.acquireBatch("B", "t", 2)],
      [
        (w) => w.engine.cancel("a"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.engine.promote(10),
      ],
    ],
  },
  "keys that run one task at a time, with a hold, a cancel and a crash": {
    most: 1,
    async prepare(w) {
      await setLimits(w.engine, { key: { concurrency: 1 } });
      for (const id of ["a", "b"]) await w.enqueue(id, { key: "k" });
      await w.enqueue("c", { key: "l" });
    },
    actors: [
      [(w) => w.acquire("A", 2), (w) => w.settle("A", "ack", { want: 1 }), (w) => w.settle("A", "limited")],
      [
        (w) => w.acquireTwice("B"),
        (w) => w.settle("B", "fail", { want: 1, twice: true }),
        (w) => changeKey(w.engine, { key: "k" }, { holdMs: 300 }),
      ],
      [
        (w) => w.engine.cancel("a"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.engine.promote(10),
      ],
    ],
  },
  "keys with a rate, one of which gets a limit of its own": {
    most: 2,
    async prepare(w) {
      const rate = { limit: 2, periodMs: 1_000, burst: 2 };
      await setLimits(w.engine, { queue: { concurrency: 3 }, key: { concurrency: 2, rate } });
      for (const id of ["a", "b"]) await w.enqueue(id, { key: "k" });
      await w.enqueue("c");
    },
    actors: [
      [
        (w) => w.enqueue("x", { key: "k" }),
        (w) => w.acquire("A", 2),
        (w) => w.settle("A", "unstarted", { twice: true }),
      ],
      [
        (w) => w.acquire("B", 2),
        (w) => changeKey(w.engine, { key: "k" }, { limit: { concurrency: 1 }, lastsMs: 400 }),
        (w) => w.settle("B", "release", { want: 2 }),
      ],
      [
        after(300, (w) => w.acquire("C")),
        (w) => w.settle("C", "fatal", { want: 1 }),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
      ],
    ],
  },
  "keys in strict order, a replay of a dead letter, a share of a limit that is lowered and raised": {
    most: 1,
    async prepare(w) {
      await setLimits(w.engine, { key: { concurrency: 1, ordered: true } });
      for (const id of ["a", "b"]) await w.enqueue(id, { key: "k" });
      await w.enqueue("c", { key: "l" });
    },
    actors: [
      [(w) => w.acquire("A", 2), (w) => w.settle("A", "fail", { want: 1 }), (w) => w.settle("A", "fatal")],
      [
        (w) => w.giveShare(1, 1),
        (w) => w.acquireTwice("B"),
        (w) => w.settle("B", "fail", { want: 1, twice: true }),
        (w) => w.giveShare(2, 5),
      ],
      [
        (w) => w.engine.replay(["a", ""]),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => changeKey(w.engine, { key: "k" }, { holdMs: 0 }),
      ],
    ],
  },
  "a key with cancel-running, whose tasks run, crash and are retried": {
    most: 1,
    async prepare(w) {
      await setLimits(w.engine, { key: { concurrency: 1, whenFull: "cancel-running" }, fairBy: "time" });
      await w.enqueue("a", { key: "k" });
    },
    actors: [
      [(w) => w.enqueue("b", { key: "k" }), (w) => w.enqueue("c", { key: "k" })],
      [
        (w) => w.acquire("A"),
        (w) => w.settle("A", "fail", { want: 1, twice: true }),
        (w) => w.settle("A", "ack"),
      ],
      [
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.engine.promote(10),
        (w) => w.enqueue("b", { key: "k" }),
      ],
    ],
  },
  "a type that runs one task at a time and is held, with and without keys": {
    most: 1,
    async prepare(w) {
      await setLimits(w.engine, { types: { t: { concurrency: 1 } } });
      await w.enqueue("a", { key: "k" });
      await w.enqueue("b");
    },
    actors: [
      [
        (w) => w.acquire("A", 2, "t"),
        (w) => w.settle("A", "limited", { scope: "type" }),
        after(500, (w) => w.acquire("A", 2, "t")),
      ],
      [
        (w) => w.acquireTwice("B"),
        (w) => w.settle("B", "fail", { want: 1, twice: true }),
        (w) => changeKey(w.engine, { type: "t" }, { holdMs: 0 }),
      ],
      [
        (w) => w.engine.cancel("b"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.engine.promote(10),
      ],
    ],
  },
  "an operator who changes waiting tasks (now, later, another key), a worker, a janitor": {
    most: 1,
    async prepare(w) {
      await setLimits(w.engine, { key: { concurrency: 1 } });
      await w.enqueue("a", { key: "k" });
      await w.enqueue("b", { delayMs: 300 });
    },
    actors: [
      [
        (w) => changeTasks(w.engine, ["a", "b"], { key: "l", payloadText: "[]" }),
        (w) => changeTasks(w.engine, ["a", "b"], { delayMs: 200, priority: "high" }),
        (w) => changeTasks(w.engine, ["a", "b"], { delayMs: 0, key: null }),
      ],
      [
        (w) => w.acquireTwice("B"),
        (w) => w.settle("B", "fail", { want: 1, twice: true }),
        (w) => w.settle("B", "ack", { want: 1 }),
      ],
      [
        (w) => w.engine.cancel("a"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        after(300, (w) => w.engine.promote(10)),
      ],
    ],
  },
  "an import that gives tasks up, a worker that has retried one of them, an operator who replays": {
    async prepare(w) {
      await w.enqueue("a", { delayMs: 300, ...latest });
      await w.enqueue("b");
    },
    actors: [
      [
        (w) => w.engine.giveUp(givenUp(["a", "b", "a"], "fatal")),
        (w) => w.enqueue("a", latest),
        (w) => w.engine.giveUp(givenUp(["b", "a"], "crashes_exhausted")),
      ],
      [(w) => w.acquire("B"), (w) => w.settle("B", "fail", { twice: true }), (w) => w.acquire("B")],
      [
        after(300, (w) => w.engine.promote(10)),
        (w) => w.engine.replay(["a", "", "b", ""]),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
      ],
    ],
  },
  "two producers of one unique key, a worker, an operator who replays, a janitor": {
    prepare: (w) => w.enqueue("a", onlyOne),
    actors: [
      [
        (w) => w.enqueue("b", onlyOne),
        (w) => w.enqueue("a", { ...onlyOne, body: "[]" }),
        (w) => w.engine.replay(["a", "", "b", ""]),
      ],
      [(w) => w.acquire("B"), (w) => w.settle("B", "fatal", { want: 1 }), (w) => w.settle("B", "ack")],
      [
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.engine.freeKeys(10, "0"),
        (w) => w.enqueue("c", onlyOne),
      ],
    ],
  },
  "two producers that replace the waiting task of one unique key, a worker, a cancel": {
    prepare: (w) => w.enqueue("a", replacing),
    actors: [
      [
        (w) => w.enqueue("b", { ...replacing, body: "[]" }),
        (w) => w.enqueue("b", { ...replacing, delayMs: 300 }),
        (w) => w.enqueue("a", replacing),
      ],
      [(w) => w.acquire("B"), (w) => w.settle("B", "fail"), (w) => w.acquire("B")],
      [
        (w) => w.enqueue("c", { ...replacing, body: "[1]" }),
        after(600, (w) => w.engine.promote(10)),
        (w) => w.engine.cancel("a"),
      ],
    ],
  },
  "two producers whose last payload waits for the end of the run, a worker that fails, a cancel": {
    prepare: (w) => w.enqueue("a", latest),
    actors: [
      [
        (w) => w.enqueue("b", { ...latest, body: "[]" }),
        (w) => w.enqueue("c", { ...latest, body: "[1]" }),
        (w) => w.engine.freeKeys(10, "0"),
      ],
      [
        (w) => w.acquire("B"),
        (w) => w.settle("B", "fail", { want: 1 }),
        (w) => w.settle("B", "ack", { want: 1 }),
      ],
      [
        (w) => w.engine.cancel("a"),
        after(LEASE_MS + 1, (w) => w.engine.reap(10)),
        (w) => w.enqueue("d", { ...latest, body: "[2]" }),
      ],
    ],
  },
  "one unique key with a window, enqueued, cancelled, purged and emptied": {
    async prepare(w) {
      await w.engine.configure({ retentionMs: 100, idempotencyMs: 100 });
    },
    actors: [
      [(w) => w.enqueue("a", onlyOnce), (w) => w.enqueue("b", onlyOnce), (w) => w.enqueue("a", onlyOne)],
      [(w) => w.acquire("B"), (w) => w.settle("B", "ack"), after(1_000, (w) => w.engine.freeKeys(10, "0"))],
      [
        (w) => w.engine.cancel("a"),
        after(200, (w) => w.engine.purge(10, 10)),
        (w) => w.engine.empty("pending", "pending", 10),
      ],
    ],
  },
  "a dead letter that a cap drops, replayed, discarded and enqueued again": {
    async prepare(w) {
      await w.engine.configure({ maxDeadAgeMs: 1_000, idempotencyMs: 1_000 });
      await w.enqueue("a");
    },
    actors: [
      [(w) => w.acquire("B"), (w) => w.settle("B", "fatal"), (w) => w.engine.replay(["a", ""])],
      [
        after(1_100, (w) => w.engine.purge(10, 10)),
        (w) => w.engine.discard(["a", ""]),
        after(1_100, (w) => w.engine.purge(10, 10)),
      ],
      [(w) => w.enqueue("a"), (w) => w.acquire("C"), (w) => w.settle("C", "fatal")],
    ],
  },
  "one id enqueued again and again, cancelled, replayed and purged": {
    async prepare(w) {
      await w.engine.configure({ retentionMs: 1_000, idempotencyMs: 1_000 });
      await w.enqueue("a", { delayMs: 100 });
    },
    actors: [
      [(w) => w.enqueue("a"), (w) => w.enqueue("a", { delayMs: 10 }), (w) => w.enqueue("a", { body: "[]" })],
      [after(100, (w) => w.acquire("B")), (w) => w.settle("B", "fatal"), (w) => w.engine.replay(["a", ""])],
      [
        (w) => w.engine.cancel("a"),
        after(1_100, (w) => w.engine.purge(10, 10)),
        (w) => w.engine.discard(["a", ""]),
      ],
    ],
  },
};

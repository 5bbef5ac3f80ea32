import type { QueueStats, TaskOptions, TaskView } from "@holdfast/contracts";
import type { Redis } from "ioredis";
import type {
  Engine,
  Grant,
  Peers,
  RoundTrip,
  RoundTripArgs,
  Verdict,
  VerdictOutcome,
} from "../../src/engine/engine.ts";
import { bandOf, encodeEnvelope } from "../../src/engine/envelope.ts";
import type { Request } from "../../src/engine/task-scripts.ts";
import { taskView } from "../../src/engine/task-view.ts";
import { queueStats } from "../../src/observer/queue-stats.ts";
import type { QueueKeys } from "../../src/redis/keys.ts";
import type { Mutate } from "./setup.ts";

export interface AddOptions extends TaskOptions {
  type?: string;
  payloadText?: string;
  /** If this is set, the id counts as given by the caller. */
  fingerprint?: string;
}

/** Returns the types as a worker sends them: "mail report" stands for two types, "" for none. */
export const typesText = (types: string): string => ` ${types}`;

export const LEASE_MS = 30_000;
export const MAX_RETRIES = 3;

/** The queue of one test, with methods for common steps. */
export class TestQueue {
  readonly name: string;
  readonly redis: Redis;
  readonly clock: { nowMs: number };
  readonly engine: Engine;
  readonly keys: QueueKeys;
  readonly #engineFor: (instance: string, queue: string, peers: Peers) => Engine;
  /** Whether the test breaks the queue on purpose. No audit runs after such a test. */
  corrupted = false;
  mutate: Mutate | undefined;
  /** The leases that later steps of the test use. */
  held: Grant[] = [];
  #nonces = 0;
  /** The other queues that this queue can reach: name -> queue. */
  /** Whether the registry (the list of queues) contains the queue. */
  exists = true;
  readonly parts = new Map<string, TestQueue>();
  readonly peers: Peers = {
    engine: (part) => {
      const other = this.parts.get(part);
      if (!other) throw new Error(`no part ${part}`);
      return other.engine;
    },
    exists: async (part) => this.parts.get(part)?.exists === true,
    partitionFields: async () => ({}),
  };

  constructor(
    name: string,
    redis: Redis,
    clock: { nowMs: number },
    engineFor: (instance: string, queue: string, peers: Peers) => Engine,
  ) {
    this.name = name;
    this.redis = redis;
    this.clock = clock;
    this.#engineFor = engineFor;
    this.engine = engineFor("test", name, this.peers);
    this.keys = this.engine.keys;
  }

  /** Returns the engine of another process that uses the same queue. */
  otherEngine(instance: string): Engine {
    return this.#engineFor(instance, this.name, this.peers);
  }

  /** Lets the two queues reach each other. */
  knows(other: TestQueue): void {
    for (const [one, two] of [
      [this, other],
      [other, this],
      [this, this],
      [other, other],
    ] as const)
      one.parts.set(two.name, two);
  }

  get now(): number {
    return this.clock.nowMs;
  }

  advance(ms: number): void {
    this.clock.nowMs += ms;
  }

  /** Enqueues one task per id with the same options. @returns the verdict letters */
  async add(ids: string | readonly string[], options: AddOptions = {}, request?: Request): Promise<string> {
    const { type = "t", payloadText = "{}", fingerprint, ...rest } = options;
    const all = typeof ids === "string" ? [ids] : ids;
    const envelope = encodeEnvelope(type, this.now, payloadText, rest, fingerprint);
    const band = bandOf(rest);
    const count = (name: string) => (band === name ? all.length : 0);
    const { verdicts } = await this.engine.enqueue(
      {
        checked: fingerprint !== undefined,
        once: rest.ifEnded === "duplicate",
        unique: rest.unique !== undefined,
        high: count("high"),
        normal: count("normal"),
        low: count("low"),
        keyed: count("keyed"),
        tail: all.flatMap((id) => [id, envelope]),
      },
      request,
    );
    return verdicts;
  }

  roundTripArgs(change: Partial<RoundTripArgs> = {}): RoundTripArgs {
    return {
      want: 0,
      held: 0,
      leaseMs: LEASE_MS,
      maxRetries: MAX_RETRIES,
      workerId: "w1",
      nonce: `n${++this.#nonces}`,
      park: false,
      noHandlerAfterMs: 86_400_000,
      ...change,
    };
  }

  async acquire(want: number, change: Partial<RoundTripArgs> = {}): Promise<RoundTrip> {
    return this.engine.acquire(this.roundTripArgs({ want, ...change }));
  }

  /** Acquires exactly one task. */
  async grant(change: Partial<RoundTripArgs> = {}): Promise<Grant> {
    const { grants } = await this.acquire(1, change);
    const [grant] = grants;
    if (!grant) throw new Error("nothing was granted");
    return grant;
  }

  async settle(verdicts: readonly Verdict[], change: Partial<RoundTripArgs> = {}): Promise<VerdictOutcome[]> {
    return (await this.engine.settle(verdicts, this.roundTripArgs(change))).outcomes;
  }

  async settleOne(verdict: Verdict, change: Partial<RoundTripArgs> = {}): Promise<VerdictOutcome> {
    const [outcome] = await this.settle([verdict], change);
    return outcome as VerdictOutcome;
  }

  ack(grant: { id: string; fence: string }, resultText?: string): Promise<VerdictOutcome> {
    const { id, fence } = grant;
    return this.settleOne({ kind: "ack", id, fence, ...(resultText === undefined ? {} : { resultText }) });
  }

  fail(
    { id, fence }: { id: string; fence: string },
    error = "Error: no",
    delayMs = 0,
  ): Promise<VerdictOutcome> {
    return this.settleOne({ kind: "fail", id, fence, delayMs, error });
  }

  /** @param told the signature, type, version and tags under which the failure is counted (lua/lib/errors.lua) */
  fatal(
    { id, fence }: { id: string; fence: string },
    error = "FatalError: never",
    told?: string,
  ): Promise<VerdictOutcome> {
    return this.settleOne({ kind: "fatal", id, fence, error, ...(told === undefined ? {} : { told }) });
  }

  release({ id, fence }: { id: string; fence: string }): Promise<VerdictOutcome> {
    return this.settleOne({ kind: "release", id, fence });
  }

  /** Moves a task aside because of its type, as a worker without a handler for the type does. */
  unrouted(
    { id, fence }: { id: string; fence: string },
    change: Partial<RoundTripArgs> = {},
  ): Promise<VerdictOutcome> {
    return this.settleOne({ kind: "unrouted", id, fence }, change);
  }

  /** Acquires like a worker that runs only these types, until no task is left for it. */
  async acquireTypes(types: string, want: number, change: Partial<RoundTripArgs> = {}): Promise<Grant[]> {
    const granted: Grant[] = [];
    for (;;) {
      const left = want - granted.length;
      const trip = await this.acquire(left, { types: typesText(types), ...change });
      granted.push(...trip.grants);
      if (trip.solo || granted.length === want || !trip.again) return granted;
    }
  }

  /** Lets every lease expire and takes the tasks back. */
  async crash(): Promise<Awaited<ReturnType<Engine["reap"]>>> {
    this.advance(LEASE_MS + 1);
    return this.engine.reap(500);
  }

  /** Adds a task and makes it a dead letter. */
  async addDead(id: string, options: AddOptions = {}, told?: string): Promise<void> {
    await this.add(id, options);
    const grant = await this.grant();
    if (grant.id !== id || (await this.fatal(grant, undefined, told)) !== "dead")
      throw new Error(`${id} did not die`);
  }

  async view(id: string): Promise<TaskView | null> {
    const [raw] = await this.engine.get([id]);
    return raw ? taskView(this.name, raw) : null;
  }

  /** Reads a task, which has to exist. */
  async task(id: string): Promise<TaskView> {
    const view = await this.view(id);
    if (!view) throw new Error(`there is no task ${id}`);
    return view;
  }

  /** Returns the counter of completed tasks whose record contains the header of their envelope. */
  async headers(): Promise<number> {
    return (await this.engine.stats()).counters[25] ?? 0;
  }

  async stats(): Promise<QueueStats> {
    return queueStats(this.name, await this.engine.stats());
  }
}

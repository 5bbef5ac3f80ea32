import { setTimeout as sleep } from "node:timers/promises";
import { asHoldfastError, type CurrentTask } from "@holdfast/contracts";
import { Engine } from "../engine/engine.ts";
import { Registry } from "../engine/registry.ts";
import { Connection } from "../redis/connection.ts";
import type { HeartbeatData, MemberMessage } from "./heartbeat-messages.ts";
import { type LeaseEntry, LeaseReader } from "./lease-reader.ts";
import { monotonicMs } from "./lease-table.ts";
import type { WorkedPart } from "./part-runners.ts";

const REGISTER_MS = 2_000;
const CALL_PAIRS = 250;
// The list of workers shows this many tasks of each. A worker sends about 9 kB for 100 tasks, every two seconds.
const SHOWN_TASKS = 100;
// A task that waits for a slot is handed back after this time, ms, so that an idle worker can take it.
const AHEAD_MS = 50;
const AHEAD_CHECK_MS = 25;
// After this many checks without tasks they become rarer, because they are most of the CPU time of an idle worker.
const QUIET_CHECKS = 40;
const QUIET_CHECK_MS = 100;
const RECONNECT_MS = 500;
// How long a stop may wait for the last write to the registry, ms. A slow Redis must not delay it further.
const LAST_WORD_MS = 1_000;

/** Renews the leases of one worker. Runs in the heartbeat thread. */
export class HeartbeatMember {
  readonly #data: HeartbeatData;
  readonly #table: LeaseReader;
  readonly #connection: Connection;
  #parts: { engine: Engine; queue: string }[] = [];
  readonly #registry: Registry;
  readonly #post: (message: MemberMessage) => void;
  // The version of the last lost lease, by index in the lease table, so that each loss is reported only once.
  readonly #lostVersions = new Map<number, number>();
  readonly #stopping = new AbortController();
  #aheadTimer: NodeJS.Timeout | undefined;
  #quietChecks = 0;
  // Whether the worker was told that an operator drains it.
  #told = false;

  /** @throws HoldfastError invalid_argument */
  constructor(data: HeartbeatData, post: (message: MemberMessage) => void) {
    this.#data = data;
    this.#table = new LeaseReader(data.table);
    // All workers of the process share this connection.
    const connection = new Connection(data.redis, { name: "holdfast-heartbeat", share: true });
    this.#connection = connection;
    this.setParts(data.parts, data.worker.queues);
    this.#registry = new Registry(connection, data.prefix);
    this.#post = post;
  }

  /** Adds the partitions that are new, which get the next indexes, and sets the queues that the registry shows. */
  setParts(parts: readonly WorkedPart[], queues: readonly string[]): void {
    this.#data.worker = { ...this.#data.worker, queues: [...queues] };
    for (const { name, queue } of parts.slice(this.#parts.length))
      this.#parts.push({ queue, engine: new Engine(this.#connection, name, { prefix: this.#data.prefix }) });
  }

  /** Begins to send heartbeats as soon as the connection works, however long that takes. */
  async begin(): Promise<void> {
    const beatMs = this.#data.leaseMs / 3;
    void this.#every(beatMs / 2, async () => this.#giveUpOutdated());
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#connection.check();
        break;
      } catch (error) {
        this.#report(error);
        await this.#sleep(RECONNECT_MS);
      }
    }
    if (this.#stopping.signal.aborted) return;
    this.#post({ kind: "ready" });
    void this.#every(beatMs, () => this.#beat(beatMs));
    void this.#every(REGISTER_MS, () => this.#register());
    this.#checkAhead();
  }

  /** Runs up to forty times a second, so it has to be cheap: in most cases it reads one number. */
  #checkAhead(): void {
    if (this.#stopping.signal.aborted) return;
    this.#quietChecks = this.#table.busy + this.#table.buffered > 0 ? 0 : this.#quietChecks + 1;
    if (this.#table.buffered > 0) void this.#handBackAhead();
    const nextMs = this.#quietChecks < QUIET_CHECKS ? AHEAD_CHECK_MS : QUIET_CHECK_MS;
    this.#aheadTimer = setTimeout(() => this.#checkAhead(), nextMs);
  }

  /** Writes the final entry of the worker into the registry, unless Redis is unreachable. */
  async end(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#aheadTimer);
    if (this.#connection.isReady)
      await Promise.race([this.#register(), sleep(LAST_WORD_MS, undefined, { ref: false })]);
    await this.#connection.close();
  }

  #report(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const known = asHoldfastError(error);
    this.#post({ kind: "error", code: known.code, message: `heartbeat: ${known.message}` });
  }

  async #every(intervalMs: number, step: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const startedAtMs = monotonicMs();
      try {
        await step();
      } catch (error) {
        this.#report(error);
      }
      await this.#sleep(Math.max(1, intervalMs - (monotonicMs() - startedAtMs)));
    }
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  #tellLost(what: "lost" | "cancelled", entries: readonly LeaseEntry[]): void {
    if (entries.length === 0) return;
    this.#post({
      kind: "lease",
      what,
      leases: entries.map(({ index, version }) => ({ index, version })),
    });
  }

  async #beat(beatMs: number): Promise<void> {
    const held = this.#table.read(monotonicMs() - beatMs / 2);
    const live = new Set(held.map((entry) => entry.index));
    for (const index of this.#lostVersions.keys()) if (!live.has(index)) this.#lostVersions.delete(index);
    const entries = held.filter((entry) => this.#lostVersions.get(entry.index) !== entry.version);
    await Promise.all(
      this.#parts.map(({ engine }, part) =>
        this.#beatPart(
          engine,
          entries.filter((entry) => entry.part === part),
        ),
      ),
    );
  }

  async #beatPart(engine: Engine, entries: LeaseEntry[]): Promise<void> {
    for (let at = 0; at < entries.length; at += CALL_PAIRS) {
      const part = entries.slice(at, at + CALL_PAIRS);
      // Read before the call. Redis renews the lease later, so it lasts at least one `leaseMs` from here.
      const sentAtMs = monotonicMs();
      const letters = await engine.heartbeat(
        part.flatMap((entry) => [entry.id, entry.fence]),
        this.#data.leaseMs,
      );
      part.forEach((entry, i) => {
        if (letters[i] === "l") this.#lostVersions.set(entry.index, entry.version);
        else this.#table.confirm(entry, sentAtMs);
      });
      const lost = part.filter((_, i) => letters[i] === "l");
      this.#tellLost("lost", lost);
      this.#tellLost(
        "cancelled",
        part.filter((_, i) => letters[i] === "c"),
      );
      if (part.length > lost.length) this.#post({ kind: "renewed", count: part.length - lost.length });
    }
  }

  /**
   * Gives up leases that no heartbeat confirmed for `leaseMs`: other workers may hold these tasks now. It has a timer
   * of its own, because a heartbeat may wait long for Redis.
   */
  #giveUpOutdated(): void {
    const now = monotonicMs();
    const { leaseMs } = this.#data;
    const outdated = this.#table
      .read(now - leaseMs)
      .filter(
        (entry) =>
          this.#lostVersions.get(entry.index) !== entry.version && now - entry.confirmedAtMs > leaseMs,
      );
    // A lease that was confirmed at infinity is never outdated, so each loss is reported here only once.
    for (const entry of outdated) this.#table.confirm(entry, Number.POSITIVE_INFINITY);
    this.#tellLost("lost", outdated);
  }

  /** Hands back tasks that wait for a slot. The main thread cannot do it while a handler blocks its event loop. */
  async #handBackAhead(): Promise<void> {
    const before = monotonicMs() - AHEAD_MS;
    const taken = this.#table
      .readBuffered(before)
      .filter((entry) => entry.part < this.#parts.length && this.#table.handBack(entry));
    if (taken.length === 0) return;
    const { leaseMs, maxRetries, worker } = this.#data;
    const nothing = { want: 0, held: 0, leaseMs, maxRetries, workerId: worker.id, nonce: "-" };
    const calls = this.#parts.flatMap(({ engine }, part) => {
      const own = taken.filter((entry) => entry.part === part);
      if (own.length === 0) return [];
      const verdicts = own.map(({ id, fence }) => ({ kind: "unstarted" as const, id, fence }));
      return engine.settle(verdicts, { ...nothing, noHandlerAfterMs: 0 });
    });
    await Promise.all(calls).catch((error) => this.#report(error));
  }

  #currentTasks(): CurrentTask[] {
    const now = this.#connection.now();
    const nowMs = monotonicMs();
    return this.#table.readRunning(SHOWN_TASKS).map(({ id, part, type, leasedAtMs }) => ({
      id,
      queue: this.#parts[part]?.queue ?? "",
      type: this.#data.worker.types[type] ?? "",
      startedAt: Math.round(now - (nowMs - leasedAtMs)),
    }));
  }

  async #register(): Promise<void> {
    const { busy, slots, state } = this.#table;
    const drained = this.#told && state === "draining" && busy === 0;
    const worker = {
      ...this.#data.worker,
      busy,
      slots,
      state: drained ? ("drained" as const) : state,
      heartbeatAt: this.#connection.now(),
    };
    try {
      this.#told = await this.#registry.putWorker(worker, this.#currentTasks());
      this.#post({ kind: "registered", draining: this.#told });
    } catch (error) {
      this.#report(error);
    }
  }
}

import { type CurrentTask, HoldfastError, type StaleVerdict } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import type { WorkerEntry } from "../engine/registry.ts";
import { Connection } from "../redis/connection.ts";
import { SafeEmitter } from "../safe-emitter.ts";
import { deadReasonOf, type SettledEvent } from "../worker/worker-events.ts";
import { Ears } from "./ears.ts";
import { isOf } from "./poll.ts";
import { Presence, sightOf } from "./presence.ts";
import { RemoteAttempt } from "./remote-attempt.ts";
import { type Call, type Got, type Leased, RemoteQueue } from "./remote-queue.ts";
import type {
  RemoteAsk,
  RemoteGrants,
  RemoteRenewal,
  RemoteRequest,
  RemoteSettled,
  RemoteTerms,
  RemoteVerdict,
  RemoteWorker,
} from "./remote-worker.ts";
import { decodeToken } from "./token.ts";
import { verdictOf, warningsOf } from "./verdicts.ts";

/** A request for tasks. */
export interface RemoteAcquire extends RemoteRequest, RemoteTerms, RemoteAsk {
  /** How long to wait for the first task, ms. */
  waitMs: number;
}

/** A request that settles attempts. */
export interface RemoteSettle extends RemoteRequest, RemoteTerms {
  verdicts: readonly RemoteVerdict[];
  /** Tasks to acquire in the same call. It does not wait for tasks. */
  acquire?: RemoteAsk | undefined;
}

/** A request that extends leases. */
export interface RemoteHeartbeat {
  leases: readonly { id: string; token: string }[];
  leaseMs: number;
  state?: WorkerEntry["state"] | undefined;
}

/** The events of `RemoteWorkers`, each with its arguments. */
export interface RemoteEvents {
  settled: [SettledEvent];
  /** A worker has settled a task whose lease it had lost, so the verdict was refused. */
  stale: [StaleVerdict];
  error: [HoldfastError];
  renewal: [{ outcome: RemoteRenewal; count: number }];
}

const RENEWALS: Record<string, RemoteRenewal> = { r: "renewed", c: "cancelled", l: "lost" };
const NOTHING: RemoteAsk = { want: 0, types: ["*"], held: 0 };
// At most this many queues are kept open, because the names come from callers.
const MOST_QUEUES = 1_000;

/**
 * Lets workers outside of this process acquire and settle tasks, for example over HTTP. This process need not remember
 * anything about a worker: the lease is in the token of each task, and Redis stores the answers for repeated requests.
 * So several processes can serve the same worker.
 */
export class RemoteWorkers extends SafeEmitter<RemoteEvents> {
  readonly #client: Holdfast;
  readonly #ears: Ears;
  readonly #presence: Presence;
  readonly #queues = new Map<string, RemoteQueue>();

  constructor({ client }: { client: Holdfast }) {
    super("the remote workers");
    this.#client = client;
    const listener = new Connection(client.connection.redis, { name: "holdfast-wake", share: true });
    client.alsoClose(listener);
    this.#ears = new Ears(listener);
    this.#presence = new Presence(client.registry, () => this.#now());
  }

  /**
   * Acquires tasks. Waits up to `waitMs` for the first one.
   * @param signal aborted when the caller no longer waits for the answer; tasks that are granted then are handed back
   * @throws HoldfastError invalid_*, redis_*; conflict if a request with the same `lane` and a higher `requestId` was
   * answered already
   */
  async acquire(
    queue: string,
    worker: RemoteWorker,
    { waitMs, ...rest }: RemoteAcquire,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<RemoteGrants> {
    const call = callOf(worker, rest, rest);
    const got = await this.#queue(queue).acquire(call, waitMs, signal).catch(refuseOld);
    return this.#answer(call, queue, got);
  }

  /**
   * Settles attempts, and acquires the next tasks if asked to.
   * @throws HoldfastError invalid_argument; forbidden if another owner acquired one of the tasks, and then nothing is
   * settled; conflict if a request with the same `lane` and a higher `requestId` was answered already; redis_*
   */
  async settle(
    queue: string,
    worker: RemoteWorker,
    { verdicts, acquire, ...rest }: RemoteSettle,
  ): Promise<RemoteSettled> {
    const leased = verdicts.map((verdict, at) => leasedBy(worker, verdict, `verdicts/${at}/token`));
    const now = this.#now();
    const version = this.#presence.versionOf(worker);
    const plain = verdicts.map((told, at) =>
      verdictOf(told, (leased[at] as Leased).lease, { maxRetries: rest.maxRetries, now, version }),
    );
    const isDraining = await this.#presence.see(worker, { queue, ...(acquire ? sightOf(acquire) : {}) });
    const ask = { ...(acquire ?? NOTHING), ...(isDraining ? { want: 0 } : {}) };
    const call = callOf(worker, rest, ask);
    const got = await this.#queue(queue).settle(call, leased, plain).catch(refuseOld);
    return {
      ...(await this.#answer(call, queue, got)),
      outcomes: got.outcomes,
      warnings: warningsOf(verdicts),
    };
  }

  async #answer({ worker }: Call, queue: string, { tasks, alone, makeRoom }: Got): Promise<RemoteGrants> {
    const draining = await this.#presence.see(worker, { queue });
    return { tasks, alone, makeRoom, draining, now: this.#now() };
  }

  #now(): number {
    return Math.round(this.#client.connection.now());
  }

  /** Extends leases. @throws HoldfastError invalid_argument, forbidden, redis_* */
  async heartbeat(
    queue: string,
    worker: RemoteWorker,
    { leases, leaseMs, state }: RemoteHeartbeat,
  ): Promise<{ leases: RemoteRenewal[]; draining: boolean; now: number }> {
    const leased = leases.map((one, at) => leasedBy(worker, one, `leases/${at}/token`));
    const { all } = await this.#queue(queue).parts();
    const renewed = new Array<RemoteRenewal>(leased.length).fill("lost");
    for (const [index, { engine }] of all.entries()) {
      const own = [...leased.keys()].filter((at) => leased[at]?.lease.part === index);
      if (own.length === 0) continue;
      const pairs = own.flatMap((at) => [(leased[at] as Leased).id, (leased[at] as Leased).lease.fence]);
      const letters = await engine.heartbeat(pairs, leaseMs);
      for (const [i, at] of own.entries()) renewed[at] = RENEWALS[letters[i] ?? "l"] ?? "lost";
    }
    for (const outcome of ["renewed", "cancelled", "lost"] as const) {
      const count = renewed.filter((one) => one === outcome).length;
      if (count > 0) this.emit("renewal", { outcome, count });
    }
    const tasks: CurrentTask[] = leased.map(({ id, lease }) => ({
      ...{ id, queue, type: lease.type, startedAt: lease.grantedAt },
    }));
    const sight = { queue, tasks, busy: tasks.length, ...(state ? { state } : {}) };
    const draining = await this.#presence.see(worker, sight);
    return { leases: renewed, draining, now: this.#now() };
  }

  /**
   * Returns the attempt of a task that a worker of this owner has acquired.
   * @throws HoldfastError invalid_argument, forbidden, redis_*; conflict if the partition of the task was deleted
   */
  async attempt(queue: string, owner: string, of: { id: string; token: string }): Promise<RemoteAttempt> {
    const { id, lease } = leasedBy({ owner }, of, "token");
    const part = (await this.#queue(queue).parts()).all[lease.part];
    if (part) return new RemoteAttempt(id, lease.fence, part.engine);
    throw new HoldfastError("conflict", `the lease of task ${id} is lost: its partition was deleted`, {
      taskId: id,
    });
  }

  #queue(name: string): RemoteQueue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new RemoteQueue(name, {
        ...{ client: this.#client, presence: this.#presence, ears: this.#ears },
        failed: (error) => this.emit("error", error),
        stale: (verdict) => this.emit("stale", verdict),
        settled: (...told) => this.#emitSettled(...told),
      });
      this.#queues.set(name, queue);
      const [oldest] = this.#queues.keys();
      if (this.#queues.size > MOST_QUEUES && oldest !== undefined) {
        void this.#queues.get(oldest)?.close();
        this.#queues.delete(oldest);
      }
    }
    return queue;
  }

  #emitSettled(queue: string, { id, lease }: Leased, verdict: Verdict, outcome: VerdictOutcome, now: number) {
    if (this.listenerCount("settled") === 0) return;
    const { type, enqueuedAt, grantedAt, attempt, fence, place } = lease;
    this.emit("settled", {
      task: { id, type, queue, enqueuedAt },
      ...{ outcome, attempt, token: `${fence}.${place}` },
      ...{ waitMs: Math.max(0, grantedAt - enqueuedAt), runMs: Math.max(0, now - grantedAt) },
      ...(outcome === "dead" ? { deadReason: deadReasonOf(verdict) } : {}),
    });
  }

  /** Writes the last timings and reports. The client stays open. */
  async close(): Promise<void> {
    this.#ears.close();
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }
}

function callOf(worker: RemoteWorker, of: RemoteRequest & RemoteTerms, ask: RemoteAsk): Call {
  const { lane, requestId, leaseMs, maxRetries, terms } = of;
  return {
    worker,
    request: { lane, requestId },
    terms: { leaseMs, maxRetries, ...(terms ? { terms } : {}) },
    ask,
  };
}

/** Decodes the token of a task. @throws HoldfastError invalid_argument; forbidden if another owner acquired it */
function leasedBy(
  { owner }: { owner: string },
  { id, token }: { id: string; token: string },
  field: string,
): Leased {
  const lease = decodeToken(token);
  if (isOf(owner, lease.fence)) return { id, lease };
  throw new HoldfastError(
    "forbidden",
    `${field}: another key acquired task ${id}: use the key that acquired it`,
    {
      ...{ field, taskId: id },
    },
  );
}

function refuseOld(error: unknown): never {
  const { cause } = error as { cause?: { message?: unknown } };
  if (!String(cause?.message).startsWith("HOLDFAST_OLD_REQUEST")) throw error;
  throw new HoldfastError(
    "conflict",
    "requestId: a newer request of this worker and lane was answered already: count upwards, and use a new workerId for each start",
    { cause: error, field: "requestId" },
  );
}

import type { HoldfastError, StaleVerdict } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Grant, RoundTrip, RoundTripArgs, Verdict, VerdictOutcome } from "../engine/engine.ts";
import { decodeEnvelope, type Envelope } from "../engine/envelope.ts";
import { ATTEMPT_TIMEOUT_MS, ENVELOPE_NODE } from "../engine/format.ts";
import { partsChanged } from "../engine/registry.ts";
import { placeOf } from "../flows/node-flow.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import type { Part, Parts } from "../partitions/parts.ts";
import { monotonicMs } from "../worker/lease-table.ts";
import { errorText, readThrown } from "../worker/thrown.ts";
import type { Ears } from "./ears.ts";
import { type Asked, askedOf, Poll } from "./poll.ts";
import { type Presence, sightOf } from "./presence.ts";
import { RemotePart } from "./remote-part.ts";
import type { RemoteAsk, RemoteRequest, RemoteTask, RemoteTerms, RemoteWorker } from "./remote-worker.ts";
import { type Routes, routesOf } from "./routes.ts";
import { decodeToken, encodeToken, leaseOf, type RemoteLease } from "./token.ts";

const NO_HANDLER_AFTER_MS = 86_400_000;
/** How often a waiting request is repeated, ms, in case a message of Redis was lost. */
const POLL_MS = 1_000;
/** How often the partitions of the queue are looked up, ms. */
const WATCH_MS = 2_000;

/** What all queues of a `RemoteWorkers` share. */
export interface Shared {
  client: Holdfast;
  presence: Presence;
  ears: Ears;
  failed(error: HoldfastError): void;
  stale(verdict: StaleVerdict): void;
  settled(queue: string, attempt: Leased, verdict: Verdict, outcome: VerdictOutcome, now: number): void;
}

/** A request of a worker that acquires or settles tasks. */
export interface Call {
  worker: RemoteWorker;
  request: RemoteRequest;
  terms: RemoteTerms;
  ask: RemoteAsk;
}

/** The answer to a request. */
export interface Got {
  tasks: RemoteTask[];
  alone: boolean;
  makeRoom: boolean;
  /** Whether Redis has stored an answer for a repeat of this request. Then the next acquire needs another request. */
  isAnswered: boolean;
  /** How long until the next scheduled task is due, ms. */
  dueInMs: number;
}

/** A task and its lease. */
export interface Leased {
  id: string;
  lease: RemoteLease;
}

/** A request that is being served. */
interface Exchange {
  call: Call;
  asked: Asked;
  routes: Routes;
  got: Got;
}

function exchangeOf(call: Call): Exchange {
  const got = { tasks: [], alone: false, makeRoom: false, isAnswered: false, dueInMs: POLL_MS };
  const routes = routesOf(call.ask.types, call.terms.terms);
  return { call, asked: askedOf(call.worker, call.request), routes, got };
}

function nodeOf(id: string): { id: string; name: string } {
  const { flow, name } = placeOf(id);
  return { id: flow, name };
}

/** Acquires and settles the tasks of one queue for remote workers. */
export class RemoteQueue {
  readonly name: string;
  readonly #shared: Shared;
  readonly #registry: PartitionRegistry;
  readonly #known = new Map<string, RemotePart>();
  #parts: Parts | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<Parts> | undefined;
  /** The index of the partition that is asked first. It changes, so that no partition is always last. */
  #first = 0;

  constructor(name: string, shared: Shared) {
    this.name = name;
    this.#shared = shared;
    this.#registry = new PartitionRegistry(shared.client);
  }

  /**
   * Returns the partitions of the queue. A new queue is registered. @throws HoldfastError redis_*, invalid_queue_name
   */
  async parts(): Promise<Parts> {
    if (this.#parts && monotonicMs() - this.#lookedMs < WATCH_MS) return this.#parts;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    // Partitions rarely change, so only the first request waits for the look-up; others use the last result.
    return this.#parts ?? this.#looking;
  }

  async #look(): Promise<Parts> {
    try {
      this.#parts = await this.#registry.opened(this.name);
      this.#lookedMs = monotonicMs();
      return this.#parts;
    } catch (error) {
      if (this.#parts && !partsChanged(error)) return this.#parts;
      throw error;
    }
  }

  #partOf(part: Part): RemotePart {
    let known = this.#known.get(part.name);
    if (!known) {
      known = new RemotePart(part, this.#shared);
      this.#known.set(part.name, known);
    }
    return known;
  }

  /** Waits up to `waitMs` for tasks. @param signal aborted when the caller no longer waits for the answer */
  async acquire(call: Call, waitMs: number, signal: AbortSignal): Promise<Got> {
    const { presence, ears } = this.#shared;
    const { all } = await this.parts();
    const exchange = exchangeOf(call);
    const { got } = exchange;
    const poll = new Poll(exchange.asked);
    const parked = new Set<Part>();
    const deaf = waitMs > 0 ? await ears.open(all, call.worker.id, poll) : () => {};
    const endsMs = monotonicMs() + waitMs;
    try {
      for (;;) {
        const { heard } = poll;
        const leftMs = endsMs - monotonicMs();
        const waits = leftMs > 0 && !signal.aborted;
        const isDraining = await presence.see(call.worker, { queue: this.name, ...sightOf(call.ask) });
        if (isDraining) {
          // The request must not stay parked now: Redis would grant a task to it, which nobody would run until the poll
          // ends.
          await this.#withdraw(parked, exchange);
          got.dueInMs = POLL_MS;
        } else await this.#askAll(all, exchange, waits ? { poll, parked } : undefined);
        if (got.isAnswered || got.makeRoom || !waits) break;
        await poll.news(heard, Math.min(leftMs, got.dueInMs + 1, POLL_MS), signal);
      }
    } finally {
      deaf();
      await this.#withdraw(parked, exchange);
    }
    if (signal.aborted) await this.#handBack(call, got.tasks.splice(0));
    return got;
  }

  /**
   * Asks each partition once, until there are as many tasks as the worker wants.
   * @param waiting given if the request is to be parked in each partition without tasks
   */
  async #askAll(
    all: readonly Part[],
    exchange: Exchange,
    waiting: { poll: Poll; parked: Set<Part> } | undefined,
  ): Promise<void> {
    const { call, asked, got } = exchange;
    const first = this.#first++;
    got.dueInMs = Number.POSITIVE_INFINITY;
    for (let at = 0; at < all.length; at++) {
      const part = all[(first + at) % all.length] as Part;
      const want = call.ask.want - got.tasks.length;
      if (want <= 0 || got.alone) return;
      const park = waiting !== undefined && !got.isAnswered;
      const trip =
        waiting?.poll.takePushed(part.name) ??
        (await part.engine.acquire({ ...this.#args(part, exchange, want), park }, asked.request));
      if (trip.parked) waiting?.parked.add(part);
      else waiting?.parked.delete(part);
      this.#take(part, trip, exchange);
    }
  }

  #args(part: Part, { call, routes, asked, got }: Exchange, want: number): RoundTripArgs {
    const { worker, terms, ask } = call;
    const { leaseMs, maxRetries } = terms;
    return {
      ...{ want, held: ask.held + got.tasks.length, leaseMs, maxRetries },
      ...{ workerId: worker.id, nonce: asked.nonce, ownTerms: routes.ownTerms },
      types: this.#partOf(part).isTyped ? routes.text : "",
      noHandlerAfterMs: NO_HANDLER_AFTER_MS,
    };
  }

  /** Takes the parked requests back. If a task was granted to one of them meanwhile, the worker gets it. */
  async #withdraw(parked: Set<Part>, exchange: Exchange): Promise<void> {
    const { call, asked, got } = exchange;
    for (const part of parked)
      this.#take(part, await part.engine.acquire(this.#args(part, exchange, 0), asked.request), exchange);
    parked.clear();
    // Several partitions may have granted tasks, so there may be too many.
    await this.#handBack(call, got.tasks.splice(call.ask.want));
  }

  async #handBack(call: Call, tasks: readonly RemoteTask[]): Promise<void> {
    if (tasks.length === 0) return;
    const leased = tasks.map(({ id, token }) => ({ id, lease: decodeToken(token) }));
    const verdicts = leased.map(({ id, lease }) => ({ kind: "unstarted", id, fence: lease.fence }) as const);
    await this.settle({ ...call, ask: { ...call.ask, want: 0 } }, leased, verdicts, false);
  }

  /** Adds granted tasks to the answer. Tasks that the worker cannot run are settled here. */
  #take(part: Part, trip: RoundTrip, exchange: Exchange): void {
    const { call, routes, got } = exchange;
    const known = this.#partOf(part);
    known.answered(trip);
    got.dueInMs = Math.min(got.dueInMs, trip.dueInMs);
    got.makeRoom ||= trip.makeRoom && call.ask.held > 0;
    got.isAnswered ||= trip.named > 0 || trip.again;
    got.alone ||= trip.solo;
    const refused: Verdict[] = [];
    for (const grant of trip.grants) {
      const task = this.#taskOf(part, grant, trip.now, exchange);
      if ("kind" in task) refused.push(task);
      else got.tasks.push(task);
    }
    if (refused.length === 0) return;
    if (refused.some(({ kind }) => kind === "unrouted")) known.tellTypes();
    part.engine.settle(refused, { ...this.#args(part, exchange, 0), types: routes.text }).then(
      (answer) => known.answered(answer),
      (error) => this.#shared.failed(error),
    );
  }

  #taskOf(part: Part, grant: Grant, now: number, { call, routes }: Exchange): RemoteTask | Verdict {
    const { id, fence } = grant;
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(grant.envelope);
    } catch (error) {
      return { kind: "quarantine", id, fence, error: errorText(readThrown(error)) };
    }
    const { type, payloadText, enqueuedAt, maxRetries, backoff, tags, key } = envelope;
    const { traceparent, schedule, expiresAt } = envelope;
    if (!routes.runs(type)) return { kind: "unrouted", id, fence };
    const place = Math.max(0, this.#parts?.all.findIndex((one) => one.name === part.name) ?? 0);
    return {
      id,
      token: encodeToken(leaseOf(grant, envelope, place, now)),
      type,
      payloadText,
      attempt: grant.past.attempt,
      enqueuedAt,
      leaseMs: call.terms.leaseMs,
      timeoutMs: envelope.timeoutMs ?? routes.timeoutMs(type) ?? ATTEMPT_TIMEOUT_MS,
      maxRetries,
      backoff,
      tags,
      key,
      traceparent,
      schedule,
      expiresAt,
      flow: grant.envelope.startsWith(ENVELOPE_NODE) ? nodeOf(id) : null,
    };
  }

  /**
   * Settles attempts, and acquires tasks in the same call.
   * @param leased the lease of each verdict
   * @param repeats whether the worker may repeat the request
   */
  async settle(
    call: Call,
    leased: readonly Leased[],
    verdicts: readonly Verdict[],
    repeats = true,
  ): Promise<Got & { outcomes: VerdictOutcome[] }> {
    const { all } = await this.parts();
    const exchange = exchangeOf(call);
    const { got, asked, routes } = exchange;
    const outcomes = new Array<VerdictOutcome>(verdicts.length).fill("stale");
    for (const [index, part] of all.entries()) {
      const own = [...leased.keys()].filter((at) => leased[at]?.lease.part === index);
      if (own.length === 0) continue;
      const want = got.alone ? 0 : Math.max(0, call.ask.want - got.tasks.length);
      const some = own.map((at) => verdicts[at] as Verdict);
      const args = this.#args(part, exchange, want);
      if (some.some(({ kind }) => kind === "unrouted")) args.types = routes.text;
      const known = this.#partOf(part);
      const callers = await known.callers(own.map((at) => leased[at] as Leased));
      const trip = await part.engine.settle(some, args, repeats ? asked.request : undefined);
      for (const [i, at] of own.entries()) {
        const outcome = trip.outcomes[i] ?? "unknown";
        outcomes[at] = outcome;
        const attempt = leased[at] as Leased;
        const caller = callers.get(attempt.id) ?? null;
        const of = { ...attempt, caller, queue: this.name, workerId: call.worker.id };
        known.settled(of, some[i] as Verdict, outcome, trip.now);
        this.#shared.settled(this.name, attempt, some[i] as Verdict, outcome, trip.now);
      }
      this.#take(part, trip, exchange);
    }
    return { ...got, outcomes };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map((part) => part.close()));
  }
}

import type { Engine, RoundTrip, Verdict } from "../engine/engine.ts";
import type { Push } from "../engine/push.ts";
import { AcquireRequest, type Asked } from "./acquire-request.ts";
import { Gathering } from "./gathering.ts";
import { HeldTasks } from "./held-tasks.ts";
import { monotonicMs } from "./lease-table.ts";
import { Pace } from "./pace.ts";
import {
  BATCH_TASKS,
  CALL_TASKS,
  earlyVerdicts,
  gathers,
  keptOfPush,
  type Situation,
  wish,
} from "./policy.ts";
import type { RunContext } from "./run-context.ts";
import type { RunnerEvents, RunnerOptions, Settled } from "./runner-options.ts";
import type { RunningTask } from "./running-task.ts";
import { Timings } from "./timings.ts";
import { untilAnswered } from "./until-answered.ts";

const CALLS_IN_FLIGHT = 2;
const AHEAD_TASKS = 400;
const SWEEP_MS = 100;
// For this long after the last sign of tasks that stand aside, the runner sends its types with each call, ms.
const TYPED_MS = 60_000;

/**
 * Runs one part of a queue of a worker. It keeps its share of the slots full, settles in batches together with the next
 * acquire, and holds tasks ahead if its handlers are fast. While the part has no tasks, the request of the runner is
 * parked in Redis. That ends when a task is granted to the request, or when the runner is woken or polls.
 */
export class QueueRunner {
  readonly engine: Engine;
  /** The longest sleep, ms. */
  readonly pollMs: number;
  /** The weight of this part when the slots are shared with the other parts. */
  weight: number;
  readonly rank: number;
  readonly held: HeldTasks;
  /** Whether the last acquire got fewer tasks than it asked for. */
  idle = false;
  /** Whether Redis does not answer this runner at present. If so, the runner has no share of the slots. */
  silent = false;
  /** The entries of which the last call could not ask for tasks because of their limits, while such tasks may stand aside. */
  waitsFor: readonly string[] = [];
  /** The runner was told to acquire nothing. */
  drains = false;
  /** The point at which the turn of this runner at the slots ends: see `shareOf`. */
  turnEnd = 0;
  /** The time of the last answer of Redis, or of the start if there was none yet, ms of the monotonic clock. */
  answeredMs = monotonicMs();
  readonly #o: RunnerOptions;
  readonly #events: RunnerEvents;
  readonly #context: RunContext<RunningTask>;
  readonly #pace: Pace;
  readonly #timings = new Timings();
  readonly #acquire: AcquireRequest;
  #verdicts: Settled[] = [];
  // Unanswered calls, the verdicts in them, and the tasks that they ask for.
  #inFlight = 0;
  #settling = 0;
  #reserved = 0;
  // Whether batches are split into two calls, because enough tasks are held ahead.
  #inHalves = false;
  #earlyAt = earlyVerdicts(0);
  // An upper bound of Redis time minus monotonic time.
  #clockLeadMs = 0;
  // Counts wake-ups. One that comes during an acquire must not be missed, because it may announce tasks that this
  // acquire did not find.
  #wakes = 0;
  /** The runner sends its types with each call until this time, ms of the monotonic clock. */
  #tellsTypesUntilMs = 0;
  #scheduled = false;
  readonly #gathering = new Gathering(() => this.#pump());
  #stopping = false;
  #closed = false;
  #pollTimer: NodeJS.Timeout | undefined;
  readonly #sweepTimer: NodeJS.Timeout;

  constructor(options: RunnerOptions, events: RunnerEvents) {
    this.#o = options;
    this.#events = events;
    this.engine = options.engine;
    this.pollMs = options.pollMs;
    this.weight = options.weight;
    this.rank = options.rank;
    this.held = new HeldTasks(options);
    this.#acquire = new AcquireRequest(options.engine);
    this.#pace = new Pace(options.aheadMs, AHEAD_TASKS);
    const { engine, queue, handlers, middleware, workerId, tracing } = options;
    const done: RunContext<RunningTask>["done"] = (task, verdict, error) => this.#done(task, verdict, error);
    const onError: RunContext<RunningTask>["onError"] = (error) => events.onError(error);
    this.#context = { engine, queue, handlers, middleware, workerId, tracing, done, onError };
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Whether the runner holds no task and waits for no answer. */
  get quiet(): boolean {
    const calls = this.#inFlight + this.#verdicts.length;
    return this.held.size === 0 && calls === 0 && !(this.#acquire.isParked && this.#yields);
  }

  /** Whether a call of this runner is unanswered. */
  get waits(): boolean {
    return this.#inFlight > 0;
  }

  /** The slots that this runner holds or has asked for. A task whose verdict is on its way no longer has a slot. */
  get taken(): number {
    return this.held.size - this.#settling + this.#reserved;
  }

  /** Makes calls at the end of this event-loop turn, so that verdicts of the same turn share a call. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Called when there may be new tasks. */
  wake(): void {
    this.#wakes++;
    if (!this.idle || this.#yields) return;
    this.idle = false;
    this.schedule();
  }

  /** Called with the message that tasks were granted to the parked request. */
  granted(push: Push): void {
    const trip = this.#acquire.granted(push);
    if (trip === null) return;
    this.idle = this.drains;
    clearTimeout(this.#pollTimer);
    if (trip !== "again") {
      this.#answered(trip, []);
      this.#pace.answered(true);
      this.#take(trip, trip.now - this.#clockLeadMs, keptOfPush(this.#situation()));
    }
    this.schedule();
  }

  /** Whether this runner acquires no more tasks, because it ends or drains. */
  get #yields(): boolean {
    return this.#stopping || this.drains;
  }

  stopAcquiring(): void {
    this.#stopping = true;
    this.#giveBack();
  }

  /** While the runner drains, it acquires no tasks. It hands back the tasks that it has not begun. */
  drain(draining: boolean): void {
    const { slots } = this.#o;
    this.drains = draining;
    // A draining runner has no share of the slots, and the worker makes no room for it.
    this.idle = draining;
    if (draining) {
      if (slots.makesRoomFor === this) slots.makesRoomFor = null;
      this.#giveBack();
    } else {
      this.held.yields = this.#stopping;
      this.schedule();
    }
  }

  #giveBack(): void {
    clearTimeout(this.#pollTimer);
    this.held.yields = true;
    this.held.giveBack();
    this.schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pollTimer);
    this.#gathering.close();
    clearInterval(this.#sweepTimer);
    this.held.close();
  }

  #done(task: RunningTask, verdict: Verdict, error: unknown): void {
    if (task.begun) {
      this.#o.slots.running--;
      this.#pace.end();
      // A task that had no handler or was handed back has not run.
      if (verdict.kind === "ack" || verdict.kind === "fail" || verdict.kind === "fatal")
        this.#timings.ended(task, this.engine.connection);
      else if (verdict.kind === "unrouted") this.#tellsTypesUntilMs = monotonicMs() + TYPED_MS;
    }
    task.entry?.limit?.leave();
    this.#verdicts.push({ task, verdict, error });
    // The verdicts of half a batch are enough for a call. Redis then settles this half while the handlers of the other
    // half run.
    if (this.#inHalves && this.#inFlight === 0 && this.#verdicts.length >= this.#earlyAt) this.#pump();
    this.held.beginSoon();
    this.schedule();
  }

  /** Writes to Redis how long tasks waited and ran. */
  writeTimings(): Promise<void> {
    return this.#timings.write(this.engine);
  }

  #sweep(): void {
    const { slots, table } = this.#o;
    slots.look();
    // Tasks that were handed back make room for all queues, even while no handler ends.
    if (!this.held.sweep()) return;
    table.busy = slots.held;
    this.#events.onChange();
  }

  #situation(): Situation {
    const { slots, table, handlers } = this.#o;
    const { hasBatches } = handlers;
    return {
      slots: slots.total,
      running: slots.running,
      held: slots.held,
      settling: slots.settling,
      unsent: hasBatches ? this.#verdicts.length : 0,
      callTasks: hasBatches ? BATCH_TASKS : CALL_TASKS,
      reserved: slots.reserved,
      exclusive: slots.exclusive,
      makesRoomFor: !slots.makesRoomFor
        ? "nobody"
        : slots.makesRoomFor === this
          ? "this queue"
          : "another queue",
      yields: this.#yields,
      idle: this.idle,
      alone: this.#events.alone(this),
      ahead: hasBatches ? 0 : this.#pace.ahead(),
      inHalves: this.#inHalves,
      inFlight: this.#inFlight,
      tableFree: table.free,
    };
  }

  #pump(): void {
    const verdicts = this.#verdicts.length;
    if (
      verdicts > 0 &&
      gathers(this.#situation(), verdicts, this.held.ahead) &&
      this.#gathering.lasts(this.#pace.gatherMs)
    )
      return;
    this.#gathering.end();
    while (this.#inFlight < CALLS_IN_FLIGHT && !this.#closed) {
      const settled = this.#verdicts.splice(0, CALL_TASKS);
      const isAcquire = settled.length === 0;
      const asks = wish(this.#situation(), settled.length, (free) =>
        this.#events.share(this, this.taken - settled.length, free),
      );
      if (asks) this.#inHalves = asks.inHalves;
      const want = this.#o.handlers.most(asks?.want ?? 0);
      if (isAcquire && this.#acquire.isSent) return;
      // A runner that stops takes its parked request back, together with the tasks that were granted to it.
      if (isAcquire && want === 0 && !(this.#yields && this.#acquire.isParked)) return;
      void this.#roundTrip(settled, want);
    }
  }

  async #roundTrip(settled: Settled[], want: number): Promise<void> {
    const { slots, table } = this.#o;
    this.#inFlight++;
    slots.settling += settled.length;
    this.#settling += settled.length;
    const wakes = this.#wakes;
    const held = slots.held - settled.length + slots.reserved;
    // The answer may contain a task that has to run alone, so no other runner acquires until it is here.
    const reservation = slots.reserve(want, want > 0 && held === 0);
    this.#reserved += want;
    const letGo = () => {
      if (reservation.end()) this.#reserved -= want;
    };
    const isAcquire = settled.length === 0;
    const asked = isAcquire ? this.#acquire.send() : this.#acquire.create();
    const sentAtMs = monotonicMs();
    const trip = await this.#send(settled, asked, { want, held }, () => {
      // Other runners continue, because on a Cluster perhaps only the node of this part does not answer.
      this.silent = true;
      letGo();
      this.#events.onChange();
    });
    const isLate = reservation.isOver;
    this.silent = false;
    this.#inFlight--;
    letGo();
    slots.settling -= settled.length;
    this.#settling -= settled.length;
    for (const { task } of settled) this.held.leave(task);
    this.#acquire.answered(asked, trip);
    if (trip) {
      this.#clockLeadMs = trip.now - sentAtMs;
      this.#answered(trip, settled);
      // Only a call that asks for tasks is told whether some stand aside.
      if (want > 0 && !trip.typed) this.waitsFor = [];
      // A wake-up since the call was sent may be about tasks that the call did not find.
      this.#rest(trip, want, isAcquire && wakes === this.#wakes);
      const mayKeep = !trip.solo || slots.held === 0;
      const kept = !isLate ? trip.grants.length : mayKeep ? keptOfPush(this.#situation()) : 0;
      this.#take(trip, sentAtMs, kept);
    }
    const early = this.#acquire.takeEarly();
    if (early) this.granted(early);
    table.busy = slots.held;
    this.#events.onChange();
    this.schedule();
  }

  /** Applies the answer of Redis: the outcomes of the verdicts, and the expired tasks. */
  #answered(trip: RoundTrip, settled: Settled[]): void {
    this.answeredMs = monotonicMs();
    this.#events.onTurn();
    for (let i = 0; i < settled.length; i++) {
      const { task, verdict, error } = settled[i] as Settled;
      const outcome = trip.outcomes[i] ?? "unknown";
      // A retry with a wait needs no wake-up: the answer after which this runner sleeps says when the next task is due.
      if (outcome === "retried" && "delayMs" in verdict && verdict.delayMs === 0) this.wake();
      this.#events.onSettled(task, outcome, verdict, error);
    }
    for (const { id, envelope } of trip.expired) this.#events.onExpired(id, envelope);
    if (trip.typed) this.#tellsTypesUntilMs = monotonicMs() + TYPED_MS;
  }

  /**
   * Applies an answer to the next call: the worker makes room for a task that has to run alone, or the runner sleeps.
   */
  #rest(trip: RoundTrip, want: number, mayRest: boolean): void {
    const { slots } = this.#o;
    if (want > 0) this.#pace.answered(trip.grants.length === want);
    if (want === 0 && slots.makesRoomFor !== this) return;
    if (trip.makeRoom && !this.#yields) {
      slots.makesRoomFor = this;
      // An earlier answer may have put this runner to sleep, and no runner acquires until this one asks again.
      this.idle = false;
    } else if (slots.makesRoomFor === this) slots.makesRoomFor = null;
    const short = trip.grants.length === 0 && !trip.again && !trip.makeRoom;
    if (want > 0 && short && mayRest) this.#sleep(trip.dueInMs);
  }

  #take(trip: RoundTrip, leasedAtMs: number, kept: number): void {
    const { slots } = this.#o;
    const { grants, solo } = trip;
    if (grants.length === 0) return;
    this.#earlyAt = earlyVerdicts(grants.length);
    slots.virtualTime = Math.max(slots.virtualTime, this.turnEnd);
    this.turnEnd = slots.virtualTime + grants.length / this.weight;
    this.held.take(grants, this.#context, leasedAtMs, solo, kept);
  }

  /**
   * @param dueInMs when the next task is due; the runner wakes for a task that is due before the next poll, since there
   * may be no janitor
   */
  #sleep(dueInMs: number): void {
    this.idle = true;
    clearTimeout(this.#pollTimer);
    if (this.#yields) return;
    this.#pollTimer = setTimeout(() => this.wake(), Math.min(this.pollMs, dueInMs + 1));
  }

  #send(
    settled: Settled[],
    { request, nonce }: Asked,
    { want, held }: { want: number; held: number },
    onFailure: () => void,
  ): Promise<RoundTrip | null> {
    const verdicts = settled.map(({ verdict }) => verdict);
    const { leaseMs, maxRetries, workerId, noHandlerAfterMs, handlers } = this.#o;
    const tells = monotonicMs() < this.#tellsTypesUntilMs;
    const told = handlers.hasLimits || tells ? handlers.tell(want, tells) : null;
    if (want > 0) this.waitsFor = told?.short ?? [];
    const { ownTerms } = handlers;
    const args = {
      want,
      held,
      leaseMs,
      maxRetries,
      ownTerms,
      workerId,
      nonce,
      types: told?.text ?? "",
      noHandlerAfterMs,
    };
    const answer = untilAnswered(
      () =>
        verdicts.length === 0
          ? this.engine.acquire({ ...args, park: !this.#yields }, request)
          : this.engine.settle(verdicts, args, request),
      (error) => {
        onFailure();
        this.#events.onError(error);
      },
      () => this.#closed || (this.#stopping && verdicts.length === 0),
    );
    return told ? answer.finally(told.answered) : answer;
  }
}

import type { HoldfastError } from "@holdfast/contracts";
import type { Engine, RoundTrip, Verdict } from "../engine/engine.ts";
import { type Push, parseCancel, parsePush } from "../engine/round-trip.ts";
import type { OnMessage } from "../redis/subscriptions.ts";
import { AcquireRequest } from "./acquire-request.ts";
import { FlowEnds } from "./flow-ends.ts";
import { Gathering } from "./gathering.ts";
import { HeldTasks } from "./held-tasks.ts";
import { monotonicMs } from "./lease-table.ts";
import { Pace } from "./pace.ts";
import {
  BATCH_TASKS,
  CALL_TASKS,
  earlyVerdicts,
  gathers,
  roomIsFor,
  type Situation,
  wish,
} from "./policy.ts";
import type { Reports } from "./reports.ts";
import { type Caller, RoundTrips } from "./round-trips.ts";
import type { RunContext } from "./run-context.ts";
import type { OtherRunners, RunnerOptions, Settled } from "./runner-options.ts";
import type { RunningTask } from "./running-task.ts";
import { Timings } from "./timings.ts";

const CALLS_IN_FLIGHT = 2;
const AHEAD_TASKS = 400;

type RunnerReports = Pick<Reports, "settled" | "expired" | "lastTurnMs" | "failed">;

/**
 * Runs the tasks of one queue, or of one partition of a queue ("part"), for a worker. The runner uses its share of the
 * worker's slots. Each call settles the tasks that have ended and acquires the next ones; with fast handlers it also
 * acquires tasks ahead. When the part is empty, Redis keeps ("parks") the request of the runner, and the runner sleeps.
 * It wakes when Redis grants tasks to that request, when a message says that there are tasks, or at the next poll.
 */
export class QueueRunner implements Caller {
  readonly engine: Engine;
  /** The longest sleep, ms. Then the runner polls, in case a message was lost. */
  readonly pollMs: number;
  /** The weight of this part in the division of the slots. */
  weight: number;
  rank: number;
  readonly held: HeldTasks;
  readonly trips: RoundTrips;
  readonly timings = new Timings();
  /** Whether the last call found fewer tasks than it asked for. */
  idle = false;
  /** Whether the runner may not acquire tasks, because the worker drains or is paused. */
  drains = false;
  /** When the turn of this part ends, in grants divided by weight (start-time fair queueing, share.ts). */
  turnEnd = 0;
  /** When Redis last answered, ms of the monotonic clock; before the first answer, when the runner was made. */
  answeredMs = monotonicMs();
  readonly #o: RunnerOptions;
  readonly #runners: OtherRunners;
  readonly #reports: RunnerReports;
  readonly #context: RunContext<RunningTask>;
  readonly #pace: Pace;
  readonly #acquire: AcquireRequest;
  readonly #ends: FlowEnds;
  #verdicts: Settled[] = [];
  // Whether the last call decided to split the work into two calls.
  #inHalves = false;
  // How many tasks the last answer granted.
  #granted = 0;
  // An upper bound of the difference between the clock of Redis and the monotonic clock, ms.
  #clockLeadMs = 0;
  // Counts wake-ups. If one comes while an acquire is unanswered, there may be tasks that the acquire did not find.
  #wakes = 0;
  #scheduled = false;
  readonly #gathering = new Gathering(() => this.#pump());
  #stopping = false;
  #closed = false;
  #pollTimer: NodeJS.Timeout | undefined;

  constructor(options: RunnerOptions, runners: OtherRunners, reports: RunnerReports) {
    this.#o = options;
    this.#runners = runners;
    this.#reports = reports;
    this.engine = options.engine;
    this.pollMs = options.pollMs;
    this.weight = options.weight;
    this.rank = options.rank;
    this.held = new HeldTasks(options, {
      room: () => runners.room(this),
      changed: () => runners.changed(),
    });
    this.#acquire = new AcquireRequest(options.engine);
    this.trips = new RoundTrips(options, this.#acquire, this);
    this.#pace = new Pace(options.aheadMs, AHEAD_TASKS);
    this.#ends = new FlowEnds(options.engine, (error) => reports.failed(error));
    this.#context = {
      ...options,
      done: (task, verdict, error) => this.#done(task, verdict, error),
      onError: (error) => reports.failed(error),
    };
  }

  /** Whether the runner holds no task and waits for no answer of Redis. */
  get quiet(): boolean {
    const open = this.held.size + this.trips.inFlight + this.#verdicts.length;
    return open === 0 && !(this.#acquire.isParked && this.#yields);
  }

  /** How many slots this runner uses or has asked tasks for. A task whose verdict was sent no longer uses a slot. */
  get taken(): number {
    return this.held.size - this.trips.settling + this.trips.reserved;
  }

  /** How many tasks the runner has asked for, or holds and has not begun. */
  get waiting(): number {
    return this.held.ahead + this.trips.reserved;
  }

  /** How many tasks to acquire ahead of the slots, computed from the pace of the handlers. */
  get ahead(): number {
    return this.#o.handlers.hasBatches ? 0 : this.#pace.ahead();
  }

  /** Makes calls at the end of this turn of the event loop. Tasks that end in one turn share a call. */
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

  /** Called with each message for the part or the worker. An empty one says that there may be tasks. */
  readonly heard: OnMessage = (_channel, message) => {
    const push = parsePush(message);
    if (push) return this.granted(push);
    const cancel = parseCancel(message);
    if (cancel) this.held.cancelRequested(cancel.id, cancel.fence);
    else this.wake();
  };

  /** Called when an enqueue has granted tasks to the parked request of this runner. */
  granted(push: Push): void {
    const trip = this.#acquire.granted(push);
    if (trip === null) return;
    // The answer that parked the request may come later, and must not put the runner to sleep then.
    this.#wakes++;
    this.idle = this.drains;
    if (trip !== "again") {
      this.#answered(trip, []);
      this.#take(trip, trip.now - this.#clockLeadMs, this.#runners.kept(this, trip.grants.length));
    }
    clearTimeout(this.#pollTimer);
    this.schedule();
  }

  /** Whether this runner acquires no more tasks, because it stops or drains. */
  get #yields(): boolean {
    return this.#stopping || this.drains;
  }

  stopAcquiring(): void {
    this.#stopping = true;
    this.#giveBack();
  }

  /** Starts or ends draining. A draining runner acquires no tasks, and hands back the tasks that it has not begun. */
  drain(draining: boolean): void {
    this.drains = draining;
    // A draining runner counts as idle, so that its share of the slots goes to the others.
    this.idle = draining;
    if (draining) {
      if (this.#o.slots.makesRoomFor === this) this.#o.slots.makesRoomFor = null;
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
    this.held.close();
  }

  #done(task: RunningTask, verdict: Verdict, error: unknown): void {
    if (task.begun) {
      this.held.stopped();
      this.#pace.end();
      // Only the run of a handler is measured, so a task that was handed back is left out.
      if (verdict.kind === "ack" || verdict.kind === "fail" || verdict.kind === "fatal")
        this.timings.ended(task, verdict.kind !== "ack", this.engine.connection);
      else if (verdict.kind === "unrouted") this.trips.tellTypes();
    }
    task.entry?.limit?.leave();
    this.#verdicts.push({ task, verdict, error });
    // Half a batch of verdicts is enough for a call. Redis settles it while the handlers of the other half run.
    if (this.#inHalves && this.trips.inFlight === 0 && this.#verdicts.length >= earlyVerdicts(this.#granted))
      this.#pump();
    this.held.beginSoon();
    this.schedule();
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
      makesRoomFor: roomIsFor(slots.makesRoomFor, this),
      yields: this.#yields,
      idle: this.idle,
      alone: this.#runners.alone(this),
      ahead: this.ahead,
      inHalves: this.#inHalves,
      inFlight: this.trips.inFlight,
      tableFree: table.free,
    };
  }

  #pump(): void {
    const verdicts = this.#verdicts.length;
    const mayWait = verdicts > 0 && gathers(this.#situation(), verdicts, this.held.ahead);
    if (mayWait && this.#gathering.lasts(this.#pace.gatherMs)) return;
    this.#gathering.end();
    while (this.trips.inFlight < CALLS_IN_FLIGHT && !this.#closed) {
      const settled = this.#verdicts.splice(0, CALL_TASKS);
      const isAcquire = settled.length === 0;
      const taken = this.taken - settled.length;
      const asks = wish(this.#situation(), settled.length, this.#runners.claim(this, taken));
      if (asks) this.#inHalves = asks.inHalves;
      const endsNodes = settled.some(({ task }) => task.isNode);
      // A runner that holds no other task asks after flow_advance, so that it gets the nodes behind these at once.
      const asksLater = endsNodes && this.held.size === settled.length;
      const want = asksLater ? 0 : this.#o.handlers.most(asks?.want ?? 0);
      if (isAcquire && this.#acquire.isSent) return;
      // If the runner stops or drains, this call withdraws its parked request, and returns what was granted to it.
      if (isAcquire && want === 0 && !(this.#yields && this.#acquire.isParked)) return;
      void this.#roundTrip(settled, want, endsNodes);
      if (endsNodes) this.#ends.advance();
      if (asksLater) this.wake();
    }
  }

  async #roundTrip(settled: Settled[], want: number, endsNodes: boolean): Promise<void> {
    const { slots, table } = this.#o;
    const isAcquire = settled.length === 0;
    const wakes = this.#wakes;
    const { connection } = this.engine;
    const { failedSends } = connection;
    const answer = await this.trips.make(settled, want);
    if (answer) {
      const { trip, sentAtMs, isLate } = answer;
      this.#clockLeadMs = trip.now - sentAtMs;
      this.#answered(trip, settled);
      // After a failed send, the flow_advance that was sent after a settle may have run before it.
      if (trip.ends && !(endsNodes && connection.failedSends === failedSends)) this.#ends.advance();
      // A wake-up during the call may announce tasks that the call did not find, so the runner does not sleep then.
      this.#rest(trip, want, isAcquire && wakes === this.#wakes);
      const granted = trip.grants.length;
      const mayKeep = !trip.solo || slots.held === 0;
      const kept = !isLate ? granted : mayKeep ? this.#runners.kept(this, granted) : 0;
      this.#take(trip, sentAtMs, kept);
    }
    const early = this.#acquire.takeEarly();
    if (early) this.granted(early);
    table.busy = slots.held;
    this.#runners.changed();
    this.schedule();
  }

  parks(): boolean {
    return !this.#yields;
  }

  givesUp(isAcquire: boolean): boolean {
    return this.#closed || (this.#stopping && isAcquire);
  }

  failed(error: HoldfastError): void {
    this.#runners.changed();
    this.#reports.failed(error);
  }

  /** Handles an answer of Redis: the outcomes of the settled tasks, and the tasks that had expired. */
  #answered(trip: RoundTrip, settled: Settled[]): void {
    this.answeredMs = monotonicMs();
    this.#reports.lastTurnMs = this.answeredMs;
    for (let i = 0; i < settled.length; i++) {
      const { task, verdict, error } = settled[i] as Settled;
      const outcome = trip.outcomes[i] ?? "unknown";
      // A retry with a delay needs no wake-up: before the runner sleeps, an answer tells it when the next task is due.
      if (outcome === "retried" && "delayMs" in verdict && verdict.delayMs === 0) this.wake();
      this.#reports.settled(task, outcome, verdict, error);
    }
    for (const { id, envelope } of trip.expired) this.#reports.expired(this.#o.queue, id, envelope);
  }

  /** Decides what to do after an answer: make room for a task that has to run alone, sleep, or acquire more. */
  #rest(trip: RoundTrip, want: number, mayRest: boolean): void {
    const { slots } = this.#o;
    if (want > 0) this.#pace.answered(trip.grants.length === want);
    if (want === 0 && slots.makesRoomFor !== this) return;
    if (trip.makeRoom && !this.#yields) {
      slots.makesRoomFor = this;
      // While room is made, only this runner may acquire, so it must not stay asleep because of an earlier answer.
      this.idle = false;
    } else if (slots.makesRoomFor === this) slots.makesRoomFor = null;
    const short = trip.grants.length === 0 && !trip.again && !trip.makeRoom;
    if (want > 0 && short && mayRest) this.#sleep(trip.dueInMs);
  }

  #take(trip: RoundTrip, leasedAtMs: number, kept: number): void {
    const { slots } = this.#o;
    const { grants, solo } = trip;
    if (grants.length === 0) return;
    this.#granted = grants.length;
    slots.virtualTime = Math.max(slots.virtualTime, this.turnEnd);
    this.turnEnd = slots.virtualTime + grants.length / this.weight;
    this.held.take(grants, this.#context, leasedAtMs, solo, kept);
  }

  /** Sleeps until the next delayed task is due, at most `pollMs`: there may be no janitor that promotes it. */
  #sleep(dueInMs: number): void {
    this.idle = true;
    clearTimeout(this.#pollTimer);
    if (this.#yields) return;
    this.#pollTimer = setTimeout(() => this.wake(), Math.min(this.pollMs, dueInMs + 1));
  }
}

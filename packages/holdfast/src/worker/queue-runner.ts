import type { Backoff, HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import type { Engine, Turn, Verdict } from "../engine/engine.ts";
import type { Push } from "../engine/push.ts";
import type { Request } from "../engine/requests.ts";
import { soon } from "../soon.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { Gathering } from "./gathering.ts";
import type { Handler } from "./handler.ts";
import { type LeaseTable, monotonicMs } from "./lease-table.ts";
import { Pace } from "./pace.ts";
import { type RunContext, RunningTask } from "./running-task.ts";
import type { Slots } from "./slots.ts";
import { Timings } from "./timings.ts";
import { untilAnswered } from "./until-answered.ts";

export interface RunnerOptions {
  engine: Engine;
  /** Index of the queue in the lease table. */
  index: number;
  weight: number;
  slots: Slots;
  table: LeaseTable;
  handlers: ReadonlyMap<string, Handler>;
  leaseMs: number;
  maxRetries: number;
  backoff: Backoff;
  pollMs: number;
  noHandlerAfterMs: number;
  workerId: string;
  /** Index of each type among those that the worker shows. */
  types: ReadonlyMap<string, number>;
  tracing?: Tracing | undefined;
  /** How far ahead of its free slots it may take tasks: what it ends within so many ms. */
  aheadMs: number;
}

export interface RunnerEvents {
  /** How many of `free` slots this queue may fill while it keeps `taken`. */
  share(runner: QueueRunner, taken: number, free: number): number;
  /** No other queue of the worker has tasks waiting. */
  alone(runner: QueueRunner): boolean;
  onSettled(task: RunningTask, outcome: Turn["outcomes"][number], verdict: Verdict, error: unknown): void;
  onExpired(queue: string, id: string, envelope: string): void;
  onTurn(): void;
  /** Slots became free, or a state changed that others wait for. */
  onChange(): void;
  onError(error: HoldfastError): void;
}

const CALLS_IN_FLIGHT = 2;
const CALL_TASKS = 250;
// Slots and tasks ahead from which a batch goes in halves: the fixed cost of a call is that of ten tasks.
const HALVES_FROM = 32;
const EARLY_VERDICTS = 8;
const AHEAD_TASKS = 400;
const SWEEP_MS = 100;
const CANCEL_REQUESTED = "a cancel was requested";
const CANCEL_AHEAD_MS = 10_000;
// So long after the last sign of tasks for others it tells its types with each call.
const TYPED_MS = 60_000;

interface Settled {
  task: RunningTask;
  verdict: Verdict;
  error: unknown;
}

/** A request that is on its way to Redis, or parked there: by it the grants of a lost answer can be had again. */
interface Asked {
  request: Request & { readonly index: number };
  nonce: string;
}

/**
 * One queue of a worker: keeps its share of the slots full, settles in batches with the next acquire. Where its handlers
 * are quick it takes tasks ahead. While the queue has nothing to give, its request is parked in Redis, until a task is
 * granted to it, until it is woken, or until it polls.
 */
export class QueueRunner {
  readonly engine: Engine;
  readonly weight: number;
  /** Tasks held, by slot of the lease table. */
  readonly held = new Map<number, RunningTask>();
  /** The last acquire got less than it asked for. */
  idle = false;
  /** Where its turn at the slots ends: see `shareOf`. */
  turnEnd = 0;
  /** When Redis answered it last, ms of the monotonic clock; its start before that. */
  answeredMs = monotonicMs();
  readonly #o: RunnerOptions;
  readonly #events: RunnerEvents;
  readonly #context: RunContext;
  readonly #pace: Pace;
  readonly #timings = new Timings();
  /** Taken ahead, in the order of their grants. */
  #ahead: RunningTask[] = [];
  #verdicts: Settled[] = [];
  // Verdicts in the calls that are under way.
  #settling = 0;
  // Tasks are taken ahead, and enough for two calls in turn.
  #inHalves = false;
  // Half of what came last.
  #earlyAt = EARLY_VERDICTS;
  #inFlight = 0;
  #reserved = 0;
  #asking: Asked | null = null;
  #parked: Asked | null = null;
  // A grant that overtook the answer to the request that it belongs to.
  #early: Push | null = null;
  /** Fence and id of tasks that a cancel was requested of before they were known here. */
  readonly #cancelsAhead = new Set<string>();
  // Redis time minus monotonic time, at most.
  #clockLeadMs = 0;
  // One that comes while an acquire is under way must not be slept through: it may be about what came after it.
  #wakes = 0;
  /** What it tells of its types, and until when: monotonic, ms. */
  readonly #types: string;
  #tellsTypesUntilMs = 0;
  #scheduled = false;
  #beginning = false;
  readonly #beginSoon: () => void;
  readonly #gathering = new Gathering(() => this.#pump());
  #stopping = false;
  #draining = false;
  #closed = false;
  #pollTimer: NodeJS.Timeout | undefined;
  readonly #sweepTimer: NodeJS.Timeout;

  constructor(options: RunnerOptions, events: RunnerEvents) {
    this.#o = options;
    this.#events = events;
    this.engine = options.engine;
    this.weight = options.weight;
    this.#types = [...options.handlers.keys()].map((type) => ` ${type}`).join("") || " ";
    this.#pace = new Pace(options.aheadMs, AHEAD_TASKS);
    this.#context = {
      engine: options.engine,
      handlers: options.handlers,
      backoff: options.backoff,
      workerId: options.workerId,
      tracing: options.tracing,
      done: (task, verdict, error) => this.#done(task, verdict, error),
      onError: (error) => events.onError(error),
    };
    // Bound: one frame less under the stack of a handler's error.
    this.#beginSoon = this.#begin.bind(this);
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Nothing is held and nothing waits for an answer. */
  get quiet(): boolean {
    return (
      this.held.size === 0 &&
      this.#inFlight === 0 &&
      this.#verdicts.length === 0 &&
      (this.#parked === null || !this.#yields)
    );
  }

  /** A call of it is under way. */
  get waits(): boolean {
    return this.#inFlight > 0;
  }

  /** How long it sleeps at most. */
  get pollMs(): number {
    return this.#o.pollMs;
  }

  /** Slots that it holds or has asked for: a verdict under way has freed its slot. */
  get taken(): number {
    return this.held.size - this.#settling + this.#reserved;
  }

  /** Looks for something to do at the end of this event-loop turn, so that what settles together travels together. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** New tasks may be there. */
  wake(): void {
    this.#wakes++;
    if (!this.idle) return;
    this.idle = false;
    this.schedule();
  }

  /** Tasks were granted to the parked request. */
  granted(push: Push): void {
    const { slot, sequence } = push;
    const belongsTo = (asked: Asked | null) =>
      asked?.request.slot === slot && asked.request.sequence === sequence;
    // What belongs to no open request was had by repeating it, or the request was given up.
    if (belongsTo(this.#asking)) this.#early = push;
    else if (belongsTo(this.#parked)) this.#accept(push);
  }

  /** It acquires nothing more: it ends, or was told to drain. */
  get #yields(): boolean {
    return this.#stopping || this.#draining;
  }

  stopAcquiring(): void {
    this.#stopping = true;
    this.#giveBack();
  }

  /** Until it is told otherwise it acquires nothing, and hands back what it has not begun. */
  drain(draining: boolean): void {
    this.#draining = draining;
    if (draining) this.#giveBack();
    else this.idle = false;
    this.schedule();
  }

  #giveBack(): void {
    clearTimeout(this.#pollTimer);
    for (const task of this.#ahead.splice(0)) this.#handBack(task);
    this.schedule();
  }

  #handBack(task: RunningTask): void {
    if (this.#o.table.begin(task.slot)) task.release();
    else this.#drop(task);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pollTimer);
    this.#gathering.close();
    clearInterval(this.#sweepTimer);
    // Redis did not answer in time: what became of these is not known here.
    for (const task of this.held.values()) task.span?.settled("unknown");
  }

  /** Hands everything back: what runs is told to stop. */
  releaseAll(): void {
    for (const task of this.held.values()) task.release();
  }

  /** The lease of a held task changed. */
  leaseChanged(what: "lost" | "cancelled", slot: number, version: number): void {
    const task = this.held.get(slot);
    if (task?.version !== version) return;
    if (what === "lost") task.abort("lease_lost", "the lease was lost: another worker may run this task");
    else task.abort("cancelled", CANCEL_REQUESTED);
  }

  /** Redis says so at once; the heartbeat says it again. */
  cancelRequested(id: string, fence: string): void {
    for (const task of this.held.values()) {
      if (task.id !== id || task.fence !== fence) continue;
      task.abort("cancelled", CANCEL_REQUESTED);
      return;
    }
    // It overtook the answer that grants the task, or the task has ended.
    const key = `${fence} ${id}`;
    this.#cancelsAhead.add(key);
    setTimeout(() => this.#cancelsAhead.delete(key), CANCEL_AHEAD_MS).unref();
  }

  #done(task: RunningTask, verdict: Verdict, error: unknown): void {
    if (task.begun) {
      this.#o.slots.running--;
      this.#pace.end();
      // Without a handler, or handed back, it has not run.
      if (verdict.kind === "ack" || verdict.kind === "fail" || verdict.kind === "fatal") this.#time(task);
      else if (verdict.kind === "unrouted") this.#tellsTypesUntilMs = monotonicMs() + TYPED_MS;
    }
    this.#verdicts.push({ task, verdict, error });
    // Half of a batch does not wait for the rest: in one call, Redis and this process would wait for each other in turn.
    if (this.#inHalves && this.#inFlight === 0 && this.#verdicts.length >= this.#earlyAt) this.#pump();
    // Once for all that end together, and not below their stacks.
    if (!this.#beginning && this.#ahead.length > 0) {
      this.#beginning = true;
      soon(this.#beginSoon);
    }
    this.schedule();
  }

  #time(task: RunningTask): void {
    const weight = this.#timings.weight();
    if (weight === 0) return;
    const runMs = monotonicMs() - task.startedAtMs;
    const waitMs = task.fresh ? this.engine.connection.now() - runMs - task.dueAt : null;
    this.#timings.add(waitMs, runMs, weight);
  }

  /** Writes down how long tasks waited and ran, in one call: every second, not per task. */
  async writeTimings(): Promise<void> {
    const fields = this.#timings.take();
    // They are for charts: what a full or absent Redis does not take is dropped.
    if (fields.length > 0) await this.engine.timings(fields).catch(() => {});
  }

  /** Begins what was taken ahead, as far as slots are free. */
  begin(): void {
    if (!this.#beginning && this.#ahead.length > 0) this.#begin();
  }

  #begin(): void {
    const { slots, table } = this.#o;
    // A handler that returns at once does not come here again: this loop goes on.
    this.#beginning = true;
    let at = 0;
    while (at < this.#ahead.length && slots.running < slots.total) {
      const task = this.#ahead[at++] as RunningTask;
      if (task.ended) continue;
      const now = monotonicMs();
      if (!table.begin(task.slot, this.#o.types.get(task.type))) this.#drop(task);
      // Its lease may be over already, or the worker stops: it is not begun.
      else if (this.#yields || task.outdated(this.#o.leaseMs, now)) task.release();
      else {
        slots.running++;
        task.start(now);
      }
    }
    this.#ahead.splice(0, at);
    this.#beginning = false;
  }

  /** It was handed back by the heartbeat thread. */
  #drop(task: RunningTask): void {
    this.#o.table.release(task.slot);
    this.held.delete(task.slot);
    this.#o.slots.held--;
  }

  #sweep(): void {
    const now = monotonicMs();
    this.#o.slots.look();
    for (const task of this.held.values()) task.checkDeadline(now);
    // What was handed back meanwhile makes room for all, even while no handler ends.
    const handedBack = this.#ahead.filter((task) => this.#o.table.wasHandedBack(task.slot));
    if (handedBack.length === 0) return;
    for (const task of handedBack) this.#drop(task);
    this.#o.table.busy = this.#o.slots.held;
    this.#ahead = this.#ahead.filter((task) => !handedBack.includes(task));
    this.#events.onChange();
  }

  /**
   * Verdicts may wait for others: every slot is busy, and enough is taken ahead for those that become free meanwhile. So a
   * worker with slow handlers sends few large calls, and not one per handler that ends.
   */
  #gathers(): boolean {
    const { slots } = this.#o;
    const waiting = this.#verdicts.length;
    if (waiting === 0 || waiting >= CALL_TASKS || this.#yields) return false;
    if (slots.drainFor || slots.exclusive || slots.running < slots.total || !this.#events.alone(this))
      return false;
    if (this.#ahead.length === 0 || this.#ahead.length < this.#pace.ahead() >> 1) return false;
    return this.#gathering.lasts(this.#pace.gatherMs);
  }

  #pump(): void {
    if (this.#gathers()) return;
    this.#gathering.end();
    while (this.#inFlight < CALLS_IN_FLIGHT && !this.#closed) {
      const verdicts = this.#verdicts.splice(0, CALL_TASKS);
      const want = this.#wanted(verdicts.length);
      if (verdicts.length === 0 && this.#asking) return;
      const unpark = this.#yields && this.#parked !== null && verdicts.length === 0;
      if (verdicts.length === 0 && want === 0 && !unpark) return;
      void this.#turn(verdicts, want);
    }
  }

  /** @param settled tasks that this call settles: their slots can be filled by it */
  #wanted(settled: number): number {
    const { slots, table } = this.#o;
    if (this.#yields || this.idle || slots.exclusive) return 0;
    const held = slots.held - settled + slots.reserved;
    if (slots.drainFor) return slots.drainFor === this && held === 0 ? 1 : 0;
    // A verdict under way has freed its slot; what its call asks for is reserved.
    const free = slots.total - held + slots.settling;
    // Beside a call that is under way, tasks ahead of the slots are worth no call of their own.
    const mayTakeAhead = this.#events.alone(this) && (settled > 0 || this.#inFlight === 0);
    const ahead = mayTakeAhead ? this.#pace.ahead() : 0;
    const whole = slots.total + ahead;
    if (mayTakeAhead) this.#inHalves = ahead > 0 && whole >= HALVES_FROM;
    const share = free <= 0 ? 0 : this.#events.share(this, this.taken - settled, free);
    // What goes beyond the slots is asked for in equal parts: else one call would carry nearly all, and the other wait.
    const part = this.#inHalves ? Math.max(share, whole >> 1) : whole;
    return Math.max(0, Math.min(share + Math.min(ahead, free + ahead), part, CALL_TASKS, table.free));
  }

  async #turn(settled: Settled[], want: number): Promise<void> {
    const { slots } = this.#o;
    this.#inFlight++;
    slots.reserved += want;
    this.#reserved += want;
    slots.settling += settled.length;
    this.#settling += settled.length;
    const wakes = this.#wakes;
    const held = slots.held - settled.length + slots.reserved - want;
    // A solo task may come back: until the answer is here, nobody else acquires.
    const exclusive = want > 0 && held === 0;
    if (exclusive) slots.exclusive = true;
    const asked = (settled.length === 0 ? this.#parked : null) ?? {
      request: this.engine.takeRequest(),
      // With a dot: all that one call grants shares a fence. Of 8 characters, as records are cut to classes of memory.
      nonce: `${nanoid(7)}.`,
    };
    if (settled.length === 0) {
      this.#asking = asked;
      this.#parked = null;
    }
    const sentAtMs = monotonicMs();
    const turn = await this.#send(settled, asked, want, held);
    this.#inFlight--;
    slots.reserved -= want;
    this.#reserved -= want;
    slots.settling -= settled.length;
    this.#settling -= settled.length;
    this.#leave(settled);
    if (exclusive) slots.exclusive = false;
    if (settled.length === 0) this.#asking = null;
    if (turn?.parked) this.#parked = asked;
    else this.engine.giveRequest(asked.request);
    if (turn) {
      this.#clockLeadMs = turn.now - sentAtMs;
      this.answeredMs = monotonicMs();
      this.#events.onTurn();
      this.#tell(turn, settled);
      this.#afterTurn(
        turn,
        want,
        sentAtMs,
        settled.length === 0 && wakes === this.#wakes,
        turn.grants.length,
      );
    }
    const early = this.#early;
    this.#early = null;
    if (early && this.#parked) this.#accept(early);
    this.#o.table.busy = slots.held;
    this.#events.onChange();
    this.schedule();
  }

  /** Of the table, the slots and what is held. */
  #leave(settled: readonly Settled[]): void {
    const { slots, table } = this.#o;
    for (const { task } of settled) {
      table.release(task.slot);
      this.held.delete(task.slot);
      slots.held--;
      if (task.solo) slots.exclusive = false;
    }
  }

  #tell(turn: Turn, settled: Settled[]): void {
    for (let i = 0; i < settled.length; i++) {
      const { task, verdict, error } = settled[i] as Settled;
      const outcome = turn.outcomes[i] ?? "unknown";
      // One with a wait comes as what is due next, with the answer that sends this runner to sleep.
      if (outcome === "retried" && "delayMs" in verdict && verdict.delayMs === 0) this.wake();
      this.#events.onSettled(task, outcome, verdict, error);
    }
    for (const { id, envelope } of turn.expired) this.#events.onExpired(this.engine.queue, id, envelope);
  }

  #accept(push: Push): void {
    const turn = this.#parked && push.turn(this.#parked.nonce);
    this.idle = false;
    clearTimeout(this.#pollTimer);
    if (turn && this.#parked) {
      this.engine.giveRequest(this.#parked.request);
      this.#parked = null;
      this.answeredMs = monotonicMs();
      this.#events.onTurn();
      this.#tell(turn, []);
      // Since the request was parked, other queues may have taken the slots that it asked for.
      const ahead = this.#events.alone(this) ? this.#pace.ahead() : 0;
      const kept = Math.max(0, this.#o.slots.room + ahead);
      this.#afterTurn(turn, turn.grants.length, turn.now - this.#clockLeadMs, false, kept);
    }
    // Without the tasks themselves (too large for a message) the repeated request brings them.
    this.schedule();
  }

  /**
   * @param mayRest an acquire of its own that found too little, and no wake-up since it was sent
   * @param kept how many of the grants there is room for: the others go back at once
   */
  #afterTurn(turn: Turn, want: number, sentAtMs: number, mayRest: boolean, kept: number): void {
    const { slots } = this.#o;
    if (turn.typed) this.#tellsTypesUntilMs = monotonicMs() + TYPED_MS;
    if (want > 0) this.#pace.answered(turn.grants.length === want);
    if (want > 0 || slots.drainFor === this) {
      if (turn.drain) {
        slots.drainFor = this;
        // An answer before this one may have sent it to sleep: nobody acquires until it asks again.
        this.idle = false;
      } else if (slots.drainFor === this) slots.drainFor = null;
      const short = turn.grants.length === 0 && !turn.again && !turn.drain;
      if (want > 0 && short && mayRest) this.#sleep(turn.dueInMs);
    }
    if (turn.grants.length === 0) return;
    this.#earlyAt = Math.max(EARLY_VERDICTS, turn.grants.length >> 1);
    slots.virtualTime = Math.max(slots.virtualTime, this.turnEnd);
    this.turnEnd = slots.virtualTime + turn.grants.length / this.weight;
    const now = monotonicMs();
    slots.held += turn.grants.length;
    if (turn.solo) slots.exclusive = true;
    for (const grant of turn.grants) {
      const task = new RunningTask(grant, this.#context, sentAtMs);
      task.solo = turn.solo;
      task.slot = this.#o.table.claim(this.#o.index, task.id, task.fence, sentAtMs, now);
      task.version = this.#o.table.versionOf(task.slot);
      this.held.set(task.slot, task);
      this.#ahead.push(task);
      if (this.#cancelsAhead.size > 0 && this.#cancelsAhead.delete(`${task.fence} ${task.id}`))
        task.abort("cancelled", CANCEL_REQUESTED);
    }
    const back = this.#ahead.splice(this.#ahead.length - Math.max(0, turn.grants.length - kept));
    for (const task of back) this.#handBack(task);
    this.#begin();
  }

  /** @param dueInMs what is due before the next poll is not left to it: there may be no janitor, or it may sleep as long */
  #sleep(dueInMs: number): void {
    this.idle = true;
    clearTimeout(this.#pollTimer);
    if (this.#yields) return;
    this.#pollTimer = setTimeout(() => this.wake(), Math.min(this.#o.pollMs, dueInMs + 1));
  }

  #send(settled: Settled[], { request, nonce }: Asked, want: number, held: number): Promise<Turn | null> {
    const verdicts = settled.map(({ verdict }) => verdict);
    const { leaseMs, maxRetries, workerId, noHandlerAfterMs } = this.#o;
    const types = monotonicMs() < this.#tellsTypesUntilMs ? this.#types : "";
    const args = { want, held, leaseMs, maxRetries, workerId, nonce, types, noHandlerAfterMs };
    return untilAnswered(
      () =>
        verdicts.length === 0
          ? this.engine.acquire({ ...args, park: !this.#yields }, request)
          : this.engine.settle(verdicts, args, request),
      (error) => this.#events.onError(error),
      () => this.#closed || (this.#stopping && verdicts.length === 0),
    );
  }
}

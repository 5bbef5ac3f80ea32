import type { Limit, Priority, QueueLimits } from "@holdfast/contracts";
import { type Account, allowedAt, charge, newAccount, termsOf } from "./account.ts";
import { Heap } from "./heap.ts";
import { bandOf, type Key, Waiting } from "./waiting.ts";

/** One run of a task in a simulation. Times are ms since the epoch. */
export interface Arrival {
  /** When the task could have started. */
  at: number;
  /** How long the task runs, from its grant to its end, ms. */
  runMs: number;
  key: string | null;
  cost: number;
  priority: Priority;
}

export interface SimulationInput {
  /** The arrivals, sorted by `at`. */
  arrivals: readonly Arrival[];
  limits: QueueLimits;
  /** The keys with a limit of their own. */
  ownLimits: ReadonlyMap<string, Limit>;
  /** How many tasks the workers can run at the same time. Infinity: only limits make tasks wait. */
  slots: number;
}

/**
 * Simulates the arrivals under the limits, by the rules of lua/lib/accounts.lua and lua/lib/turns.lua. Workers have no
 * delay: a task starts as soon as a slot and the limits allow it. Returns the start of each arrival.
 */
export function simulate(input: SimulationInput): Float64Array {
  return new Simulation(input).run();
}

class Simulation {
  readonly #arrivals: readonly Arrival[];
  readonly #slots: number;
  readonly #starts: Float64Array;
  readonly #own: Account;
  readonly #waiting: Waiting;
  readonly #ends = new Heap<{ at: number; key: Key | undefined }>((a, b) => a.at < b.at);
  /** When the rate of the queue allows the next task; Infinity if no task waits for it. */
  #queueAt = Number.POSITIVE_INFINITY;

  constructor({ arrivals, limits, ownLimits, slots }: SimulationInput) {
    this.#arrivals = arrivals;
    this.#slots = slots;
    this.#starts = new Float64Array(arrivals.length);
    this.#own = newAccount(termsOf(limits.queue), true);
    const each = termsOf(limits.key);
    this.#waiting = new Waiting(this.#own, (key) => {
      const own = ownLimits.get(key);
      if (!own) return newAccount(each, false);
      return newAccount(termsOf(limits.key?.ordered ? { ...own, concurrency: 1 } : own), true);
    });
  }

  run(): Float64Array {
    const arrivals = this.#arrivals;
    for (let next = 0; ; ) {
      const now = Math.min(
        arrivals[next]?.at ?? Number.POSITIVE_INFINITY,
        this.#ends.top?.at ?? Number.POSITIVE_INFINITY,
        this.#waiting.nextAt,
        this.#queueAt,
      );
      if (now === Number.POSITIVE_INFINITY) return this.#starts;
      this.#end(now);
      this.#waiting.wake(now);
      for (let arrival = arrivals[next]; arrival && arrival.at <= now; arrival = arrivals[++next])
        this.#waiting.add(next, arrival.key, bandOf(arrival.priority), now);
      this.#grant(now);
    }
  }

  #end(now: number): void {
    while ((this.#ends.top?.at ?? Number.POSITIVE_INFINITY) <= now) {
      const { key } = this.#ends.pop() as { key: Key | undefined };
      this.#own.running--;
      if (!key) continue;
      key.account.running--;
      if (key.ready === undefined) this.#waiting.open(key, now);
      this.#waiting.forget(key, now);
    }
  }

  #grant(now: number): void {
    const own = this.#own;
    this.#queueAt = Number.POSITIVE_INFINITY;
    while (own.running < Math.min(this.#slots, own.terms.concurrency)) {
      const candidate = this.#waiting.next();
      if (!candidate) return;
      const { runMs, cost } = this.#arrivals[candidate.task] as Arrival;
      this.#queueAt = allowedAt(own, cost, now);
      if (this.#queueAt > now) return;
      this.#queueAt = Number.POSITIVE_INFINITY;
      const { key } = candidate;
      const keyAt = key ? allowedAt(key.account, cost, now) : now;
      if (key && keyAt > now) {
        // A cheaper task of the same key must not overtake this one, so the key rests until its rate allows this task.
        this.#waiting.rest(key, keyAt);
        continue;
      }
      this.#waiting.take(candidate);
      charge(own, cost, now);
      own.running++;
      if (key) {
        charge(key.account, cost, now);
        key.account.running++;
        this.#waiting.open(key, now);
      }
      this.#starts[candidate.task] = now;
      this.#ends.push({ at: now + runMs, key });
    }
  }
}

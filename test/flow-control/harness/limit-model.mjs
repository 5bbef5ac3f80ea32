// A queue with a limit of its own and one of each key, written from docs/flow-control.md: concurrency, and a rate by
// GCRA.

/** A start may be early by this share of the time between two starts (ADR 0032). */
const EARLY = 0.9;

/**
 * Redis rounds times to three decimals, and the rounding adds up. At a boundary, the model and Redis may differ by this
 * much.
 */
const ROUNDED_MS = 0.1;

class Account {
  running = 0;
  tat = 0;

  constructor({ concurrency = Number.POSITIVE_INFINITY, rate } = {}) {
    this.concurrency = concurrency;
    this.intervalMs = rate ? rate.periodMs / rate.limit : 0;
    this.burst = rate?.burst ?? 1;
  }

  /** @param roundedMs is added to the time at which the task may start */
  allows(cost, nowMs, roundedMs) {
    if (this.running >= this.concurrency) return false;
    if (this.intervalMs === 0) return true;
    const counted = Math.min(cost, this.burst);
    const at = Math.max(this.tat, nowMs) + (counted - 1 - (this.burst - 1 + EARLY)) * this.intervalMs;
    return Math.ceil(at + roundedMs) <= nowMs;
  }

  take(cost, nowMs) {
    this.running++;
    if (this.intervalMs > 0) this.tat = Math.max(this.tat, nowMs) + cost * this.intervalMs;
  }

  giveBack(cost) {
    this.tat = Math.max(0, this.tat - cost * this.intervalMs);
  }
}

export class LimitModel {
  #tasks = new Map();
  #lines = new Map();
  #accounts = new Map();

  constructor({ queue, key }) {
    this.queue = new Account(queue);
    this.key = key;
  }

  #account(key) {
    if (!this.#accounts.has(key)) this.#accounts.set(key, new Account(this.key));
    return this.#accounts.get(key);
  }

  #line(key) {
    if (!this.#lines.has(key)) this.#lines.set(key, []);
    return this.#lines.get(key);
  }

  add(task) {
    this.#tasks.set(task.id, task);
    this.#line(task.key).push(task.id);
  }

  waitingKeys() {
    return [...this.#lines].filter(([, line]) => line.length > 0).map(([key]) => key);
  }

  #refusal({ key, cost }, nowMs) {
    if (!this.queue.allows(cost, nowMs, -ROUNDED_MS)) return "the queue";
    return this.#account(key).allows(cost, nowMs, -ROUNDED_MS) ? null : `the key ${key}`;
  }

  /** @returns what is wrong with this start; null if nothing is */
  start(id, nowMs) {
    const task = this.#tasks.get(id);
    const line = this.#line(task.key);
    if (line[0] !== id) return `${id} started before ${line[0]} of its key`;
    const refuses = this.#refusal(task, nowMs);
    if (refuses !== null) return `${id} started although ${refuses} refuses it`;
    line.shift();
    this.queue.take(task.cost, nowMs);
    this.#account(task.key).take(task.cost, nowMs);
    return null;
  }

  /** A task that was not begun gives its part of both rates back, and is the next of its key. */
  end(id, kind) {
    const { key, cost } = this.#tasks.get(id);
    this.queue.running--;
    this.#account(key).running--;
    if (kind !== "unstarted") return;
    this.queue.giveBack(cost);
    this.#account(key).giveBack(cost);
    this.#line(key).unshift(id);
  }

  /**
   * @returns a task that has to be granted to a call that asks for one more; null if there is none. If the queue
   * refuses a head that its key allows, no cheaper task of another key may overtake this head. Then no task has to be
   * granted.
   */
  startable(nowMs) {
    const heads = this.waitingKeys().map((key) => this.#tasks.get(this.#line(key)[0]));
    const allowed = (roundedMs) =>
      heads.filter(({ key, cost }) => this.#account(key).allows(cost, nowMs, roundedMs));
    const isOvertaken = allowed(-ROUNDED_MS).some(({ cost }) => !this.queue.allows(cost, nowMs, ROUNDED_MS));
    return isOvertaken ? null : (allowed(ROUNDED_MS)[0]?.id ?? null);
  }

  /**
   * Compares an account of Redis with the model. An account that runs nothing and has its whole rate may be forgotten.
   */
  compare(key, running, tat, nowMs) {
    const account = key === "" ? this.queue : this.#account(key);
    // The first field of the account of the queue is not a count.
    if (key !== "" && running !== account.running)
      return `${running} of key ${key} are counted as running, ${account.running} by the model`;
    const [counted, expected] = [tat, account.tat].map((time) => Math.max(time, nowMs));
    return Math.abs(counted - expected) < ROUNDED_MS
      ? null
      : `the rate of "${key}" is used up until ${counted - nowMs} ms from now, ${expected - nowMs} by the model`;
  }
}

// A model of a queue with a limit for the queue and a limit for each key. It follows docs/flow-control.md:
// concurrency, and a rate by the algorithm GCRA (a token bucket that stores only a time).

/** A start may be early by at most this share of the time between two starts (ADR 0032). */
const EARLY = 0.9;

/**
 * Redis rounds times to three decimals, and the errors add up. If a start is this close to its limit, ms, the model
 * and Redis may decide differently.
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

  /** @param roundedMs a tolerance for rounding, which is added to the time from which the task may start */
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

  /** Starts a task in the model. @returns the rule that this start breaks, as text; null if it breaks none */
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

  /**
   * Ends a task. If it was handed back before it began, its cost is given back to the rates of the queue and of its
   * key, and it becomes the
   * first task in the line of its key.
   */
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
   * @returns a task that has to be granted if a call asks for one more; null if there is none. Null is also right if
   * only the limit of the queue refuses the first task of a line, because no cheaper task of another key may overtake
   * that task.
   */
  startable(nowMs) {
    const heads = this.waitingKeys().map((key) => this.#tasks.get(this.#line(key)[0]));
    const allowed = (roundedMs) =>
      heads.filter(({ key, cost }) => this.#account(key).allows(cost, nowMs, roundedMs));
    const isOvertaken = allowed(-ROUNDED_MS).some(({ cost }) => !this.queue.allows(cost, nowMs, ROUNDED_MS));
    return isOvertaken ? null : (allowed(ROUNDED_MS)[0]?.id ?? null);
  }

  /**
   * Compares an account in Redis with the model. Redis may forget an account that has no running tasks and a rate
   * that is fully available.
   */
  compare(key, running, tat, nowMs) {
    const account = key === "" ? this.queue : this.#account(key);
    // In the account of the queue, the first field is not a count.
    if (key !== "" && running !== account.running)
      return `${running} of key ${key} are counted as running, ${account.running} by the model`;
    const [counted, expected] = [tat, account.tat].map((time) => Math.max(time, nowMs));
    return Math.abs(counted - expected) < ROUNDED_MS
      ? null
      : `the rate of "${key}" is used up until ${counted - nowMs} ms from now, ${expected - nowMs} by the model`;
  }
}

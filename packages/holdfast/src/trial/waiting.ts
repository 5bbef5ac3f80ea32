import { PRIORITIES, type Priority } from "@holdfast/contracts";
import { type Account, allowedAt, forgottenAt, turnOf } from "./account.ts";
import { Heap } from "./heap.ts";

/** Waiting tasks in the order of their arrival, as indexes in the list of arrivals. */
class Line {
  readonly #tasks: number[] = [];
  #next = 0;

  get head(): number | undefined {
    return this.#tasks[this.#next];
  }

  add(task: number): void {
    this.#tasks.push(task);
  }

  take(): void {
    this.#next++;
  }
}

const AT_REST = { ready: undefined, wakesAt: Number.POSITIVE_INFINITY };

/** Makes a line for each priority, in the order of PRIORITIES. */
const newLines = () => PRIORITIES.map(() => new Line());
export const bandOf = (priority: Priority): number => PRIORITIES.indexOf(priority);

/** A key with its waiting tasks. */
export interface Key {
  readonly name: string;
  readonly account: Account;
  readonly lines: readonly Line[];
  /** The entry of the key among the ready ones; undefined if the key may not run a task, or has no waiting task. */
  ready: ReadyEntry | undefined;
  /** When to check the key again; Infinity if that does not depend on time. */
  wakesAt: number;
}

interface ReadyEntry {
  readonly key: Key;
  readonly band: number;
  readonly turn: number;
}

/** The task that would start next. */
export interface Candidate {
  task: number;
  band: number;
  /** The key of the task; undefined if it has none. */
  key: Key | undefined;
}

/** Of every 16 grants, at least 3 go to normal tasks and 1 to a low one, if such tasks wait (lua/lib/peek.lua). */
function bandOfTurn(grant: number): number {
  const turn = grant % 16;
  return turn === 7 ? 2 : turn === 3 || turn === 8 || turn === 13 ? 1 : 0;
}

/** The waiting tasks of a simulation. They start in the order of lua/lib/turns.lua, one at a time. */
export class Waiting {
  readonly #keys = new Map<string, Key>();
  readonly #unkeyed = newLines();
  readonly #ready = PRIORITIES.map(
    () => new Heap<ReadyEntry>((a, b) => a.turn < b.turn || (a.turn === b.turn && a.key.name < b.key.name)),
  );
  readonly #resting = new Heap<{ at: number; key: Key }>((a, b) => a.at < b.at);
  readonly #accountOf: (key: string) => Account;
  /** The account of the tasks without a key. */
  readonly #own: Account;
  /** The turn of the task that started last. */
  #current = 0;
  #grants = 0;

  constructor(own: Account, accountOf: (key: string) => Account) {
    this.#own = own;
    this.#accountOf = accountOf;
  }

  /** When a rate allows the next key to run a task; Infinity if no key waits for its rate. */
  get nextAt(): number {
    return this.#resting.top?.at ?? Number.POSITIVE_INFINITY;
  }

  add(task: number, name: string | null, band: number, now: number): void {
    if (name === null) {
      (this.#unkeyed[band] as Line).add(task);
      return;
    }
    let key = this.#keys.get(name);
    if (!key) {
      key = { name, account: this.#accountOf(name), lines: newLines(), ...AT_REST };
      this.#keys.set(name, key);
    }
    (key.lines[band] as Line).add(task);
    if (key.ready === undefined || band < key.ready.band) this.open(key, now);
  }

  /** Makes a key ready if it may run a waiting task. If its rate does not allow that yet, the key rests. */
  open(key: Key, now: number): void {
    const { account } = key;
    const band = key.lines.findIndex(({ head }) => head !== undefined);
    key.ready = undefined;
    if (band < 0 || account.running >= account.terms.concurrency) return;
    const at = allowedAt(account, 1, now);
    if (at > now) this.rest(key, at);
    else this.#makeReady(key, band, turnOf(account, this.#current));
  }

  /** Makes a key rest: it may not run a task before this time. */
  rest(key: Key, at: number): void {
    key.ready = undefined;
    this.#wakeAt(key, at);
  }

  /** Checks the keys whose time has come. */
  wake(now: number): void {
    while (this.nextAt <= now) {
      const { at, key } = this.#resting.pop() as { at: number; key: Key };
      if (at !== key.wakesAt) continue;
      key.wakesAt = Number.POSITIVE_INFINITY;
      if (key.ready === undefined) this.open(key, now);
      this.forget(key, now);
    }
  }

  /**
   * Deletes the turn of a key without running tasks: now, or when its rate has recovered. A ready key keeps its place.
   */
  forget(key: Key, now: number): void {
    const at = forgottenAt(key.account);
    if (at === undefined) return;
    if (at <= now) key.account.turn = 0;
    else this.#wakeAt(key, at);
  }

  /** Returns the task that starts next; undefined if none may. */
  next(): Candidate | undefined {
    const first = bandOfTurn(this.#grants + 1);
    for (const band of [first, 0, 1, 2]) {
      const unkeyed = (this.#unkeyed[band] as Line).head;
      const ready = this.#topOf(band);
      const isUnkeyed = unkeyed !== undefined && (!ready || turnOf(this.#own, this.#current) <= ready.turn);
      if (isUnkeyed) return { task: unkeyed, band, key: undefined };
      if (ready) return { task: (ready.key.lines[band] as Line).head as number, band, key: ready.key };
    }
    return undefined;
  }

  /** Removes a task from its line, and moves the turn of its key. */
  take({ band, key }: Candidate): void {
    // If keys wait too, the turn of the tasks without a key is kept. Otherwise it would begin anew each time.
    if (
      this.#unkeyed.some(({ head }) => head !== undefined) &&
      PRIORITIES.some((_, each) => this.#topOf(each))
    )
      this.#own.turn = turnOf(this.#own, this.#current);
    ((key?.lines ?? this.#unkeyed)[band] as Line).take();
    const account = key?.account ?? this.#own;
    const turn = key?.ready ? key.ready.turn : turnOf(account, this.#current);
    this.#current = Math.max(this.#current, turn);
    account.turn = turn + account.terms.step;
    this.#grants++;
  }

  /** Sets when to check a key again. An earlier time is kept, because the key is checked then anyway. */
  #wakeAt(key: Key, at: number): void {
    if (key.wakesAt <= at) return;
    key.wakesAt = at;
    this.#resting.push({ at, key });
  }

  #makeReady(key: Key, band: number, turn: number): void {
    key.ready = { key, band, turn };
    (this.#ready[band] as Heap<ReadyEntry>).push(key.ready);
  }

  /** Returns the first ready key of a priority. Removes outdated entries before it. */
  #topOf(band: number): ReadyEntry | undefined {
    const heap = this.#ready[band] as Heap<ReadyEntry>;
    while (heap.top && heap.top.key.ready !== heap.top) heap.pop();
    return heap.top;
  }
}

import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { HoldfastError, LIMITS } from "@holdfast/contracts";
import type { StepKind, StoredStep } from "../engine/steps.ts";
import { taskShape } from "../engine/task-options.ts";
import { decodeWord } from "../engine/text.ts";
import { whole } from "../options/kinds.ts";
import { checkShape, shown } from "../options/shape.ts";
import { payloadTextOf } from "../queue/new-task.ts";
import { backoffDelayMs, DEFAULT_BACKOFF } from "../worker/backoff.ts";
import { stepText } from "../worker/json-text.ts";
import { readThrown } from "../worker/thrown.ts";
import { callTask } from "./call-task.ts";
import { endOf, refuseOptions } from "./called-task.ts";
import { type Duration, durationMs } from "./duration.ts";
import { checkEvent } from "./events.ts";
import type { CallOptions, Signal, SleepOptions, StepOptions, WaitForOptions } from "./step-options.ts";
import type { StepStore, Suspension } from "./step-store.ts";
import { TaskSuspended } from "./task-suspended.ts";

// A shorter sleep keeps its slot, because giving it up and getting another one costs Redis three calls.
const SLEEP_IN_PLACE_MS = 1_000;
/** The attempt that runs the handler. */
interface Attempt {
  readonly taskId: string;
  signal(): AbortSignal;
  /** Whether the attempt may be suspended. Tasks of a batch may not, because they share one call of the handler. */
  readonly suspends: boolean;
}

interface Memo {
  serial: string;
  places: number;
  bytes: number;
  /** How far the clock of Redis is ahead of the clock of this process, ms. */
  ahead: number;
  steps: Map<string, StoredStep>;
}

interface Waiting extends Suspension {
  reject(error: TaskSuspended): void;
}

/** Set while the function of a step runs, in which `ctx.sleep`, `ctx.waitFor` and `ctx.call` are refused. */
const inStep = new AsyncLocalStorage<true>();

/** The durable steps of one attempt. The result of a step that an earlier attempt has done is returned from Redis. */
export class Steps {
  readonly #store: StepStore;
  readonly #attempt: Attempt;
  #memo: Promise<Memo> | undefined;
  /** How often each name was used in this attempt. The second step with the name `a` is stored as `a#2`. */
  readonly #seen = new Map<string, number>();
  /** How many steps run now, including calls of the store that are not answered yet. */
  #busy = 0;
  #waiting: Waiting[] = [];
  #suspended: TaskSuspended | undefined;

  constructor(store: StepStore, attempt: Attempt) {
    this.#store = store;
    this.#attempt = attempt;
  }

  async step(name: string, run: () => unknown, options: StepOptions = {}): Promise<unknown> {
    const retries = checkRetries(options);
    if (typeof run !== "function")
      throw refused(`ctx.step takes a name and a function, got ${shown(run)} as the function`);
    const named = this.#named("s", name);
    return this.#during(async () => {
      const memo = await this.#read();
      const known = memo.steps.get(`s${named}`);
      if (known) return parsed(await this.#textOf(memo, known));
      const place = this.#place(memo, named);
      const text = stepText(named, await this.#run(run, retries));
      this.#reserve(memo, named, text);
      await this.#store.write({ place, kind: "s", outcome: "d", name: named, text });
      return parsed(text);
    });
  }

  async sleep(duration: Duration, { name = "sleep" }: SleepOptions = {}): Promise<void> {
    const ms = durationMs("ctx.sleep", duration);
    const named = this.#named("z", name);
    if (ms <= SLEEP_IN_PLACE_MS) return this.#during(() => this.#inPlace(ms));
    this.#checkSuspends("ctx.sleep");
    const leftMs = await this.#during(async () => {
      const memo = await this.#read();
      const known = memo.steps.get(`z${named}`);
      const until =
        known?.at ??
        (await this.#store.write({
          ...{ place: this.#place(memo, named), kind: "z", outcome: "o" },
          ...{ name: named, text: "", waitMs: ms },
        }));
      const left = until - Date.now() - memo.ahead;
      if (left > SLEEP_IN_PLACE_MS) return { until };
      await this.#inPlace(left);
      return undefined;
    });
    if (leftMs) await this.#suspend({ until: leftMs.until, events: [] });
  }

  async waitFor(events: string | readonly string[], options: WaitForOptions = {}): Promise<Signal | null> {
    const list = checkEvents(events);
    const timeoutMs = durationMs("timeoutMs of ctx.waitFor", options.timeoutMs ?? LIMITS.delayMs);
    const named = this.#named("w", options.name ?? list.join(","));
    this.#checkSuspends("ctx.waitFor");
    const found = await this.#during(async () => {
      const memo = await this.#read();
      const known = memo.steps.get(`w${named}`);
      if (known?.outcome === "t") return { signal: null };
      if (known?.outcome === "d") return { signal: signalOf(await this.#textOf(memo, known)) };
      const place = known?.place ?? this.#place(memo, named);
      const answer = await this.#store.wait({ place, kind: "w", name: named, timeoutMs, events: list });
      if (answer.kind === "open") return { until: answer.until };
      return {
        signal: answer.kind === "signal" ? { event: answer.event, data: parsed(answer.data) } : null,
      };
    });
    if (found.until === undefined) return found.signal;
    return this.#suspend({ until: found.until, events: list });
  }

  async call(type: string, payload: unknown, options: CallOptions = {}): Promise<unknown> {
    const { name = type, ...others } = options;
    checkShape(taskShape, others);
    refuseOptions(others);
    const task = { type, payloadText: payloadTextOf(payload), options: others };
    const named = this.#named("c", name);
    this.#checkSuspends("ctx.call");
    const found = await this.#during(async () => {
      const memo = await this.#read();
      const known = memo.steps.get(`c${named}`);
      if (known?.outcome === "d") return { text: await this.#textOf(memo, known) };
      const place = known?.place ?? this.#place(memo, named);
      return callTask(this.#store, { place, name: named, known }, task);
    });
    if (found.text !== undefined) return parsed(found.text);
    return this.#suspend({ until: found.until, events: [endOf(found.id)] });
  }

  #named(kind: StepKind, name: unknown): string {
    if (this.#suspended) throw this.#suspended;
    if (typeof name !== "string" || name === "" || name.length > 128 || /#\d+$/.test(name))
      throw refused(
        `the name of a step is a text of 1 to 128 characters that does not end with "#" and a number, got ${shown(name)}`,
      );
    const count = (this.#seen.get(kind + name) ?? 0) + 1;
    this.#seen.set(kind + name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  #checkSuspends(what: string): void {
    if (inStep.getStore())
      throw refused(`${what} cannot be called in the function of a step: call it between steps`);
    if (!this.#attempt.suspends)
      throw refused(`${what} cannot be called in a batch handler, because its tasks run together`);
  }

  /** Reads the steps of earlier attempts, at the first step, so that a handler without steps reads nothing. */
  #read(): Promise<Memo> {
    this.#memo ??= this.#store.read().then(({ now, steps, serial, places, bytes }) => ({
      ...{ serial, places, bytes, ahead: now - Date.now() },
      steps: new Map(steps.map((step) => [step.kind + step.name, step])),
    }));
    return this.#memo;
  }

  async #textOf(memo: Memo, step: StoredStep): Promise<string> {
    return step.text ?? this.#store.readText({ serial: memo.serial, place: step.place });
  }

  /** Returns the position of a new step. Throws before the step runs if the task has too many steps. */
  #place(memo: Memo, name: string): number {
    if (memo.places >= LIMITS.steps)
      throw new HoldfastError(
        "payload_too_large",
        `step "${name}" of task ${this.#attempt.taskId} would be its step ${memo.places + 1}, and a task has at most ${LIMITS.steps}`,
        { taskId: this.#attempt.taskId },
      );
    memo.places++;
    return memo.places;
  }

  #reserve(memo: Memo, name: string, text: string): void {
    const bytes = memo.bytes + Buffer.byteLength(text);
    if (bytes > LIMITS.stepsBytes)
      throw new HoldfastError(
        "payload_too_large",
        `with the result of step "${name}" the steps of task ${this.#attempt.taskId} would have ${bytes} bytes, more than ${LIMITS.stepsBytes}`,
        { taskId: this.#attempt.taskId },
      );
    memo.bytes = bytes;
  }

  async #run(run: () => unknown, retries: number): Promise<unknown> {
    for (let call = 1; ; call++) {
      try {
        return await inStep.run(true, async () => run());
      } catch (error) {
        // An error such as FatalError decides about the whole task, so the step is not retried.
        if (call > retries || this.#attempt.signal().aborted || readThrown(error).means !== undefined)
          throw error;
        await this.#inPlace(backoffDelayMs(DEFAULT_BACKOFF, call, Math.random()));
      }
    }
  }

  async #inPlace(ms: number): Promise<void> {
    const signal = this.#attempt.signal();
    signal.throwIfAborted();
    try {
      if (ms > 0) await wait(ms, undefined, { signal });
    } catch {
      throw signal.reason;
    }
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#suspended) throw this.#suspended;
    this.#busy++;
    try {
      this.#attempt.signal().throwIfAborted();
      return await work();
    } finally {
      this.#busy--;
      this.#look();
    }
  }

  #suspend(suspension: Suspension): Promise<never> {
    return new Promise((_, reject) => {
      this.#waiting.push({ ...suspension, reject });
      this.#look();
    });
  }

  /** Suspends the attempt if its handler only waits. `setImmediate` lets the handler begin another step first. */
  #look(): void {
    if (this.#busy > 0 || this.#waiting.length === 0) return;
    setImmediate(() => {
      if (this.#busy > 0 || this.#waiting.length === 0 || this.#suspended) return;
      const waiting = this.#waiting;
      const until = Math.min(...waiting.map((one) => one.until));
      const events = [...new Set(waiting.flatMap((one) => one.events))];
      const suspended = new TaskSuspended();
      this.#suspended = suspended;
      void this.#store.suspend({ until, events });
      for (const { reject } of waiting) reject(suspended);
    });
  }
}

function refused(message: string): HoldfastError {
  return new HoldfastError("invalid_argument", message);
}

function checkRetries({ retries = 0 }: StepOptions): number {
  if (whole(0, 100).is(retries)) return retries;
  throw refused(`retries of ctx.step is a whole number from 0 to 100, got ${shown(retries)}`);
}

function checkEvents(events: string | readonly string[]): readonly string[] {
  const list = typeof events === "string" ? [events] : events;
  if (!Array.isArray(list) || list.length < 1 || list.length > LIMITS.waitedEvents)
    throw refused(
      `ctx.waitFor takes an event or a list of 1 to ${LIMITS.waitedEvents} events, got ${shown(events)}`,
    );
  for (const event of list) checkEvent(event);
  return list;
}

function parsed(text: string): unknown {
  return text === "" ? undefined : JSON.parse(text);
}

/** Parses the stored text of a wait that got its signal: the event, a line break and the data. */
function signalOf(text: string): Signal {
  const at = text.indexOf("\n");
  return { event: decodeWord(text.slice(0, at)), data: parsed(text.slice(at + 1)) };
}

import { HoldfastError } from "@holdfast/contracts";
import type { NewStep, NewWait, StoredStep, WaitAnswer } from "../engine/steps.ts";
import { encodeWord } from "../engine/text.ts";
import { type CalledState, type CalledTask, endOf } from "../steps/called-task.ts";
import type { Signal } from "../steps/step-options.ts";
import type { StepStore, Suspension } from "../steps/step-store.ts";

/** The results of called tasks: for each type, a function of the payload. */
// biome-ignore lint/suspicious/noExplicitAny: only the test knows what the payloads are
export type Calls = Readonly<Record<string, (payload: any) => unknown>>;

/** Stores the steps of a test run in memory. Time passes only while the run is suspended. */
export class MemorySteps implements StepStore {
  readonly #steps: StoredStep[] = [];
  readonly #signals: Signal[];
  #now = Date.now();
  /** Set while the attempt is suspended. */
  suspended: Suspension | undefined;

  readonly #calls: Calls;
  #called = 0;

  constructor(signals: readonly Signal[], calls: Calls) {
    this.#calls = calls;
    this.#signals = [...signals];
  }

  /** The names of the finished steps, in order. */
  get done(): string[] {
    return this.#steps.flatMap(({ name, kind, outcome }) => (kind !== "z" && outcome !== "o" ? [name] : []));
  }

  /** Lets time pass until the suspended attempt goes on. @returns how long that takes, ms */
  goOn(): number {
    const { until = this.#now, events = [] } = this.suspended ?? {};
    this.suspended = undefined;
    const isWoken = this.#signals.some(({ event }) => events.includes(event));
    const delayMs = isWoken ? 0 : until - this.#now;
    this.#now += delayMs;
    return delayMs;
  }

  async read() {
    const bytes = this.#steps.reduce((sum, step) => sum + step.bytes, 0);
    const places = Math.max(0, ...this.#steps.map(({ place }) => place));
    return { serial: "1", places, bytes, steps: [...this.#steps], signals: [], now: this.#now };
  }

  async readText(): Promise<string> {
    throw new Error("every text of a test run is read with its step");
  }

  async write({ waitMs = 0, ...step }: NewStep): Promise<number> {
    const at = this.#now + waitMs;
    this.#keep({ ...step, at, bytes: Buffer.byteLength(step.text) });
    return at;
  }

  async wait({
    place,
    kind,
    name,
    timeoutMs,
    events,
  }: NewWait): Promise<Exclude<WaitAnswer, { kind: "stale" }>> {
    const old = this.#steps.find((step) => step.place === place);
    const until = old?.at ?? this.#now + timeoutMs;
    const keep = (outcome: StoredStep["outcome"], text: string) =>
      this.#keep({ place, kind, name, outcome, text, at: until, bytes: Buffer.byteLength(text) });
    const at = this.#signals.findIndex(({ event }) => events.includes(event));
    const [signal] = at < 0 ? [] : this.#signals.splice(at, 1);
    if (signal) {
      const data = JSON.stringify(signal.data) ?? "";
      keep("d", kind === "c" ? data : `${encodeWord(signal.event)}\n${data}`);
      return { kind: "signal", event: signal.event, data };
    }
    if (until <= this.#now) {
      keep("t", "");
      return { kind: "timed_out" };
    }
    keep("o", "");
    return { kind: "open", until };
  }

  async mintId(): Promise<string> {
    this.#called += 1;
    return `called-${this.#called}`;
  }

  async call({ id, type, payloadText }: CalledTask): Promise<void> {
    const answer = this.#calls[type];
    if (!answer)
      throw new HoldfastError(
        "invalid_argument",
        `the test run has no answer to ctx.call of "${type}": add one to the option "calls"`,
      );
    this.#signals.push({ event: endOf(id), data: (await answer(JSON.parse(payloadText))) ?? null });
  }

  async readCalled(): Promise<CalledState> {
    return { kind: "open", ageMs: 0 };
  }

  async suspend(suspension: Suspension): Promise<void> {
    this.suspended = suspension;
  }

  #keep(step: StoredStep): void {
    const at = this.#steps.findIndex(({ place }) => place === step.place);
    if (at < 0) this.#steps.push(step);
    else this.#steps[at] = step;
  }
}

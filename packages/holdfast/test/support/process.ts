import type { Connection } from "../../src/redis/connection.ts";

/** Simulates a process whose calls to Redis each wait for a step of the test. */
export class Process {
  readonly calls: Connection;
  readonly #waiting: (() => Promise<void>)[] = [];
  #changed: () => void = () => {};
  #ended = false;

  constructor(connection: Connection) {
    const atGate = <Result>(call: () => Promise<Result>) =>
      new Promise<Result>((resolve, reject) => {
        this.#waiting.push(() => call().then(resolve, reject));
        this.#changed();
      });
    this.calls = new Proxy(connection, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        if (property !== "script" && property !== "command") return value.bind(target);
        return (...args: unknown[]) => atGate(() => value.apply(target, args));
      },
    });
  }

  run(work: Promise<unknown>): void {
    this.#ended = false;
    const end = () => {
      this.#ended = true;
      this.#changed();
    };
    work.then(end, end);
  }

  async #settled(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
  }

  /**
   * Makes the next call, and waits until the process wants to make another one. @returns false if the process has
   * ended
   */
  async step(): Promise<boolean> {
    await this.#settled();
    const call = this.#waiting.shift();
    if (call === undefined) return false;
    await call();
    await this.#settled();
    return true;
  }

  /** Makes all remaining calls. */
  async end(): Promise<void> {
    while (await this.step());
  }
}

import { HoldfastError } from "@holdfast/contracts";
import { HandlerKilled } from "./handler-killed.ts";
import { HandlerProcess, type ProcessOptions } from "./handler-process.ts";
import type { SentHandlers } from "./messages.ts";
import { residentBytes } from "./resident-memory.ts";

export interface PoolOptions extends ProcessOptions {
  processes: number;
  recycleAfter: number;
  idleMs: number;
  startMs: number;
}

interface Waiting {
  resolve(process: HandlerProcess): void;
  reject(error: unknown): void;
}

const MEMORY_LOOK_MS = 100;

/** The child processes for handlers. They start when they are needed. Each is idle, or runs one attempt. */
export class ProcessPool {
  readonly #options: PoolOptions;
  /** Every process that has not ended. */
  readonly #all = new Set<HandlerProcess>();
  /** The idle processes. The one that was used last is used next, so that the others become idle long enough to end. */
  readonly #idle: HandlerProcess[] = [];
  readonly #idleTimers = new Map<HandlerProcess, NodeJS.Timeout>();
  readonly #waiting: Waiting[] = [];
  #starting = 0;
  #watch: NodeJS.Timeout | undefined;
  #looking = false;
  #closed: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get pids(): number[] {
    return [...this.#all].flatMap(({ pid }) => pid ?? []);
  }

  /** Starts the first process. @returns the handlers of its modules @throws HoldfastError invalid_argument */
  async start(): Promise<SentHandlers> {
    const process = this.#fork();
    try {
      const handlers = await this.#readyInTime(process);
      this.#rest(process);
      return handlers;
    } catch (error) {
      process.kill("closed", "it could not be started");
      throw new HoldfastError("invalid_argument", (error as Error).message, { cause: error });
    }
  }

  /**
   * Takes a process for one attempt. The caller has to give it back, even if it was killed. @throws the reason of the
   * signal, or HandlerKilled
   */
  take(signal: AbortSignal): Promise<HandlerProcess> {
    if (this.#closed) return Promise.reject(new HandlerKilled("closed", "the handlers were closed"));
    if (signal.aborted) return Promise.reject(signal.reason);
    const idle = this.#takeIdle();
    if (idle) return Promise.resolve(idle);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        resolve: (process) => {
          signal.removeEventListener("abort", onAbort);
          resolve(process);
        },
        reject: (error) => {
          signal.removeEventListener("abort", onAbort);
          reject(error);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiting);
      this.#startMore();
    });
  }

  giveBack(process: HandlerProcess): void {
    if (this.#closed || !process.alive || process.attempts >= this.#options.recycleAfter) {
      if (process.alive) void process.end();
      this.#startMore();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.resolve(process);
    else this.#rest(process);
  }

  /** Ends every process. Running attempts fail. Resolves when all processes have ended. May be called several times. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    for (const timer of this.#idleTimers.values()) clearTimeout(timer);
    this.#idleTimers.clear();
    this.#idle.length = 0;
    for (const waiting of this.#waiting.splice(0))
      waiting.reject(new HandlerKilled("closed", "the handlers were closed"));
    await Promise.all([...this.#all].map((process) => process.end()));
  }

  #fork(): HandlerProcess {
    const process = new HandlerProcess(this.#options);
    this.#all.add(process);
    this.#watch ??= setInterval(() => void this.#killFat(), MEMORY_LOOK_MS).unref();
    void process.gone.then(() => {
      this.#all.delete(process);
      const at = this.#idle.indexOf(process);
      if (at >= 0) this.#idle.splice(at, 1);
      clearTimeout(this.#idleTimers.get(process));
      this.#idleTimers.delete(process);
      if (this.#all.size === 0) {
        clearInterval(this.#watch);
        this.#watch = undefined;
      }
      this.#startMore();
    });
    return process;
  }

  #startMore(): void {
    while (
      !this.#closed &&
      this.#starting < this.#waiting.length &&
      this.#all.size < this.#options.processes
    ) {
      this.#starting++;
      void this.#startOne();
    }
  }

  async #startOne(): Promise<void> {
    const process = this.#fork();
    try {
      await this.#readyInTime(process);
      this.#starting--;
      this.giveBack(process);
    } catch (error) {
      this.#starting--;
      process.kill("closed", "it could not be started");
      // Each failed start also fails one waiting attempt, so that a broken module does not cause new processes for
      // ever.
      this.#waiting.shift()?.reject(error);
    }
  }

  async #readyInTime(process: HandlerProcess): Promise<SentHandlers> {
    const { startMs } = this.#options;
    const timer = setTimeout(
      () => process.kill("exited", `its process did not load the handlers within ${startMs} ms`),
      startMs,
    );
    try {
      return await process.ready;
    } finally {
      clearTimeout(timer);
    }
  }

  #rest(process: HandlerProcess): void {
    process.hold(false);
    this.#idle.push(process);
    const timer = setTimeout(() => {
      const at = this.#idle.indexOf(process);
      if (at < 0) return;
      this.#idle.splice(at, 1);
      void process.end();
    }, this.#options.idleMs).unref();
    this.#idleTimers.set(process, timer);
  }

  #takeIdle(): HandlerProcess | undefined {
    for (;;) {
      const process = this.#idle.pop();
      if (!process) return undefined;
      clearTimeout(this.#idleTimers.get(process));
      this.#idleTimers.delete(process);
      if (!process.alive) continue;
      process.hold(true);
      return process;
    }
  }

  async #killFat(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { memoryMb } = this.#options;
    const bytes = await residentBytes(this.pids);
    this.#looking = false;
    for (const process of this.#all) {
      const megabytes = (bytes.get(process.pid ?? 0) ?? 0) / 1_048_576;
      if (megabytes > memoryMb)
        process.kill("memory", `its process held ${Math.round(megabytes)} MB, more than ${memoryMb} MB`);
    }
  }
}

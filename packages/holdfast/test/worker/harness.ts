import { Redis } from "ioredis";
import { nanoid } from "nanoid";
import { onTestFinished } from "vitest";
import {
  type Handlers,
  Holdfast,
  type HoldfastError,
  Janitor,
  type JanitorOptions,
  Observer,
  Queue,
  type SettledEvent,
  Worker,
  type WorkerOptions,
} from "../../src/index.ts";
import { queueKeys } from "../../src/redis/keys.ts";
import { redisUrl } from "../support/setup.ts";

/** A promise that the test resolves. Handlers wait for it instead of a fixed time. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Rejects with the reason of the signal when the signal aborts, like a handler that obeys the signal. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

export interface WatchedWorker {
  readonly worker: Worker;
  readonly settled: SettledEvent[];
  readonly errors: HoldfastError[];
}

/** One system under a key prefix that no other test has. Everything that it starts is stopped after the test. */
export class System {
  readonly prefix = `t${nanoid(10)}`;
  readonly url: string;
  readonly redis: Redis;
  readonly client: Holdfast;
  readonly observer: Observer;
  readonly #workers: Worker[] = [];
  readonly #janitors: Janitor[] = [];

  constructor(url: string) {
    this.url = url;
    this.redis = new Redis(url);
    this.redis.on("error", () => {});
    this.client = new Holdfast({ redis: url, prefix: this.prefix });
    this.observer = new Observer({ client: this.client });
  }

  queue(name = "work"): Queue {
    return new Queue(name, { client: this.client });
  }

  engine(name = "work") {
    return this.client.engine(name);
  }

  keys(name = "work") {
    return queueKeys(this.prefix, name);
  }

  /** Makes a worker, but does not start it. By default it polls so rarely that a poll alone makes no test pass. */
  worker(
    queues: ConstructorParameters<typeof Worker>[0],
    handlers: Handlers,
    options: Partial<WorkerOptions> = {},
  ): WatchedWorker {
    const worker = new Worker(queues, handlers, {
      redis: this.url,
      prefix: this.prefix,
      pollMs: 10_000,
      ...options,
    });
    const watched: WatchedWorker = { worker, settled: [], errors: [] };
    worker.on("settled", (event) => watched.settled.push(event));
    worker.on("error", (error) => watched.errors.push(error));
    this.#workers.push(worker);
    return watched;
  }

  async started(...args: Parameters<System["worker"]>): Promise<WatchedWorker> {
    const watched = this.worker(...args);
    await watched.worker.start();
    return watched;
  }

  janitor(options: Partial<JanitorOptions> = {}): Janitor {
    const janitor = new Janitor({ redis: this.url, prefix: this.prefix, auditIntervalMs: 0, ...options });
    this.#janitors.push(janitor);
    return janitor;
  }

  /** Grants up to `want` tasks to a worker that makes no further calls, like one that has died. */
  async grantToNobody(queue: string, want: number, leaseMs: number): Promise<string[]> {
    const { grants } = await this.engine(queue).acquire({
      want,
      held: 0,
      leaseMs,
      maxRetries: 3,
      workerId: "nobody",
      nonce: nanoid(8),
      park: false,
      noHandlerAfterMs: 86_400_000,
    });
    return grants.map((grant) => grant.id);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop({ graceMs: 0 })));
    await Promise.all(this.#janitors.map((janitor) => janitor.stop({ graceMs: 0 })));
    if (this.redis.status === "ready") {
      const keys = await this.redis.keys(`${this.prefix}:*`);
      if (keys.length > 0) await this.redis.unlink(...keys);
    }
    await this.client.close();
    this.redis.disconnect();
  }
}

export async function setupSystem(url = redisUrl()): Promise<System> {
  const system = new System(url);
  onTestFinished(() => system.close());
  await system.client.check();
  return system;
}

import { setTimeout as delay } from "node:timers/promises";
import type { OperationView } from "@holdfast/contracts/api";
import type { OperationSpec, OperationStore } from "holdfast";
import type { Logger } from "pino";

export type OperationsPort = Pick<
  OperationStore,
  "create" | "control" | "undo" | "get" | "list" | "failures"
>;

/** What makes operations go; without one another process has to. */
export interface RunnerPort {
  start(): void;
  stop(): Promise<void>;
  /** There is something new to run. */
  nudge(): void;
}

const SHOWN = 20;
const LOOK_MS = 15;

/** Operations as the routes and the live stream use them. They are kept in Redis, and run by whoever claims them. */
export class Operations {
  readonly #store: OperationsPort;
  readonly #runner: RunnerPort | undefined;
  readonly #logger: Logger;
  #latest: OperationView[] = [];

  constructor(options: { store: OperationsPort; runner?: RunnerPort | undefined; logger: Logger }) {
    this.#store = options.store;
    this.#runner = options.runner;
    this.#logger = options.logger;
  }

  get store(): OperationsPort {
    return this.#store;
  }

  /** @throws HoldfastError rate_limited while too many run */
  async start(spec: OperationSpec, total: number): Promise<OperationView> {
    const view = await this.#store.create(spec, total);
    this.#runner?.nudge();
    return view;
  }

  async control(id: string, control: "pause" | "resume" | "cancel"): Promise<OperationView> {
    const view = await this.#store.control(id, control);
    this.#runner?.nudge();
    return view;
  }

  async undo(id: string, by: OperationSpec["by"]): Promise<OperationView> {
    const view = await this.#store.undo(id, by);
    this.#runner?.nudge();
    return view;
  }

  /** The operation once it has ended, or as it is when the wait is over. */
  async settled(view: OperationView, waitMs: number): Promise<OperationView> {
    const deadlineMs = performance.now() + waitMs;
    let latest = view;
    while (latest.endedAt === null && performance.now() < deadlineMs) {
      await delay(LOOK_MS);
      latest = (await this.#store.get(view.id)) ?? latest;
    }
    return latest;
  }

  /** The newest ones, as they were at the last look: for the live stream. */
  latest(limit: number): OperationView[] {
    return this.#latest.slice(0, limit);
  }

  async refresh(): Promise<void> {
    try {
      this.#latest = (await this.#store.list({ limit: SHOWN })).operations;
    } catch (error) {
      // The last known ones stay: while Redis is away the stream says so itself.
      this.#logger.debug({ err: error }, "operations not read");
    }
  }

  startRunner(): void {
    this.#runner?.start();
  }

  /** Hands over what runs here. */
  async stop(): Promise<void> {
    await this.#runner?.stop();
  }
}

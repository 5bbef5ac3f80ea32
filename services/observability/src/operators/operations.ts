import { setTimeout as delay } from "node:timers/promises";
import { type Identity, type OperationView, SYNC_LIMIT } from "@holdfast/contracts/api";
import { bucketOf } from "@holdfast/service";
import type { OperationShare, OperationSpec, OperationStore } from "holdfast/operate";
import type { Logger } from "pino";

export type OperationsPort = Pick<
  OperationStore,
  "create" | "control" | "undo" | "get" | "list" | "failures" | "outcomes"
>;

/** Runs operations. In a process without a runner, operations wait for another process. */
export interface RunnerPort {
  start(): void;
  stop(): Promise<void>;
  /** Tells the runner that there is a new operation. */
  nudge(): void;
  /** Runs this operation to its end, no matter how many others run. */
  runNow(id: string): Promise<void>;
}

/** The sender of an operation. Each key, person or address has its own limit. */
export interface Asker {
  identity: Identity;
  ip: string;
}

/** Small operations that one key may have open at a time; each ends within seconds. */
const SMALL_PER_KEY = 50;
const SHOWN = 20;
const LOOK_MS = 15;

/**
 * Operations for the routes and the live stream. Redis keeps them, and the process that claims an operation runs it.
 */
export class Operations {
  readonly #store: OperationsPort;
  readonly #runner: RunnerPort | undefined;
  readonly #logger: Logger;
  readonly #perKey: number;
  #latest: OperationView[] = [];

  constructor(options: {
    store: OperationsPort;
    runner?: RunnerPort | undefined;
    logger: Logger;
    perKey: number;
  }) {
    this.#store = options.store;
    this.#runner = options.runner;
    this.#logger = options.logger;
    this.#perKey = options.perKey;
  }

  get store(): OperationsPort {
    return this.#store;
  }

  /**
   * @param total tasks that the operation is about, as far as they were counted
   * @param isCounted whether `total` has all of them
   * @throws HoldfastError rate_limited if too many operations run, or too many of this key are open
   */
  async start(spec: OperationSpec, total: number, asker: Asker, isCounted = true): Promise<OperationView> {
    const isPaced = spec.ratePerSecond !== undefined || spec.canary !== undefined;
    const share = this.#shareOf(asker, isCounted && !isPaced && total <= SYNC_LIMIT);
    return this.#begun(await this.#store.create(spec, total, share), share.isSmall);
  }

  async control(id: string, control: "pause" | "resume" | "cancel"): Promise<OperationView> {
    const view = await this.#store.control(id, control);
    // To pause or end an operation, none of the running ones has to finish first.
    return this.#begun(view, control !== "resume");
  }

  /** @throws HoldfastError not_found, conflict, too_late; rate_limited like `start` */
  async undo(id: string, by: OperationSpec["by"], asker: Asker): Promise<OperationView> {
    let isSmall = false;
    const view = await this.#store.undo(id, by, (total) => {
      isSmall = total <= SYNC_LIMIT;
      return this.#shareOf(asker, isSmall);
    });
    return this.#begun(view, isSmall);
  }

  #shareOf({ identity, ip }: Asker, isSmall: boolean): OperationShare {
    return { who: bucketOf(identity, ip), isSmall, most: isSmall ? SMALL_PER_KEY : this.#perKey };
  }

  /** @param isNow runs the operation no matter how many run, because it is short and somebody waits for it */
  #begun(view: OperationView, isNow: boolean): OperationView {
    if (!isNow) this.#runner?.nudge();
    else
      this.#runner?.runNow(view.id).catch((error: unknown) => {
        this.#logger.warn({ err: error, operationId: view.id }, "operation not begun: it waits for a place");
      });
    return view;
  }

  /** The operation after it has ended, or as it is when the time is over. */
  async settled(view: OperationView, waitMs: number): Promise<OperationView> {
    const deadlineMs = performance.now() + waitMs;
    let latest = view;
    while (latest.endedAt === null && performance.now() < deadlineMs) {
      await delay(LOOK_MS);
      latest = (await this.#store.get(view.id)) ?? latest;
    }
    return latest;
  }

  /** The newest operations as of the last refresh, for the live stream. */
  latest(limit: number): OperationView[] {
    return this.#latest.slice(0, limit);
  }

  async refresh(): Promise<void> {
    try {
      this.#latest = (await this.#store.list({ limit: SHOWN })).operations;
    } catch (error) {
      // The last known operations stay. The stream itself says that Redis is away.
      this.#logger.debug({ err: error }, "operations not read");
    }
  }

  startRunner(): void {
    this.#runner?.start();
  }

  /** Hands the operations that run here over to other processes. */
  async stop(): Promise<void> {
    await this.#runner?.stop();
  }
}

import { setTimeout as delay } from "node:timers/promises";
import { type Identity, type OperationView, SYNC_LIMIT } from "@holdfast/contracts/api";
import { bucketOf } from "@holdfast/service";
import type { OperationShare, OperationSpec, OperationStore } from "holdfast/operate";
import type { Logger } from "pino";

export type OperationsPort = Pick<
  OperationStore,
  "create" | "control" | "undo" | "get" | "list" | "failures" | "outcomes"
>;

/** Runs operations in this process. Without a runner, operations wait until another process runs them. */
export interface RunnerPort {
  start(): void;
  stop(): Promise<void>;
  /** Tells the runner that a new operation waits. */
  nudge(): void;
  /** Runs this operation to its end, even if the maximum number of operations already runs. */
  runNow(id: string): Promise<void>;
}

/** The sender of an operation. Each key, person or address has a limit of its own. */
export interface Asker {
  identity: Identity;
  ip: string;
}

/** How many small operations one key may have open. Each ends within seconds. */
const SMALL_PER_KEY = 50;
const SHOWN = 20;
const LOOK_MS = 15;

/**
 * The operations as the routes and the live stream see them. They are stored in Redis, and the process that claims an
 * operation runs it.
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
   * Creates an operation and starts it.
   * @param total how many tasks were counted for the operation
   * @param isCounted whether `total` has all of its tasks
   * @throws HoldfastError rate_limited if too many operations are open, in all or for this key
   */
  async start(spec: OperationSpec, total: number, asker: Asker, isCounted = true): Promise<OperationView> {
    const isPaced = spec.ratePerSecond !== undefined || spec.canary !== undefined;
    const share = this.#shareOf(asker, isCounted && !isPaced && total <= SYNC_LIMIT);
    return this.#begun(await this.#store.create(spec, total, share), share.isSmall);
  }

  async control(id: string, control: "pause" | "resume" | "cancel"): Promise<OperationView> {
    const view = await this.#store.control(id, control);
    // A pause or cancel takes effect at once, even if the maximum number of operations already runs.
    return this.#begun(view, control !== "resume");
  }

  /**
   * Starts an operation that undoes a discard. @throws HoldfastError not_found, conflict, too_late; rate_limited like
   * `start`
   */
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

  /**
   * @param isNow whether the operation starts even if the maximum number already runs. Used for short operations, for
   * whose end somebody waits
   */
  #begun(view: OperationView, isNow: boolean): OperationView {
    if (!isNow) this.#runner?.nudge();
    else
      this.#runner?.runNow(view.id).catch((error: unknown) => {
        this.#logger.warn(
          { err: error, operationId: view.id },
          "the operation was not started at once, and waits until another one ends",
        );
      });
    return view;
  }

  /** Waits for the end of the operation, for `waitMs` at most. @returns the operation in its state after the wait */
  async settled(view: OperationView, waitMs: number): Promise<OperationView> {
    const deadlineMs = performance.now() + waitMs;
    let latest = view;
    while (latest.endedAt === null && performance.now() < deadlineMs) {
      await delay(LOOK_MS);
      latest = (await this.#store.get(view.id)) ?? latest;
    }
    return latest;
  }

  /** Returns the newest operations of the last refresh, for the live stream. */
  latest(limit: number): OperationView[] {
    return this.#latest.slice(0, limit);
  }

  async refresh(): Promise<void> {
    try {
      this.#latest = (await this.#store.list({ limit: SHOWN })).operations;
    } catch (error) {
      // If this refresh fails, the operations of the last one stay. The live stream itself reports that Redis does
      // not answer.
      this.#logger.debug({ err: error }, "cannot read the operations");
    }
  }

  startRunner(): void {
    this.#runner?.start();
  }

  /** Hands operations that run in this process over to other processes. */
  async stop(): Promise<void> {
    await this.#runner?.stop();
  }
}

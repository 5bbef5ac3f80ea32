import type { OperationView } from "@holdfast/contracts/api";
import { HoldfastError } from "holdfast";
import { nanoid } from "nanoid";
import type { Logger } from "pino";

const MAX_RUNNING = 20;
const MAX_KEPT = 200;

export interface OperationControl {
  signal: AbortSignal;
  progress(done: number, total?: number): void;
}

/** The work of an operation. Returns counts, such as `{ replayed: 3 }`. */
export type OperationWork = (control: OperationControl) => Promise<Record<string, number>>;

export interface OperationsOptions {
  logger: Logger;
  maxRunning?: number;
  maxKept?: number;
}

interface Entry {
  view: OperationView;
  abort: AbortController;
  ended: Promise<void>;
}

/** Work that outlives its request. In memory: a restart forgets it, and what it had done stays done. */
export class Operations {
  readonly #entries = new Map<string, Entry>();
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** @throws HoldfastError `rate_limited` while too many run. */
  start(
    spec: Pick<OperationView, "kind" | "queue" | "total"> & Partial<OperationView>,
    work: OperationWork,
    onEnd?: (view: OperationView) => void,
  ): OperationView {
    const running = [...this.#entries.values()].filter(({ view }) => view.state === "running");
    const maxRunning = this.#options.maxRunning ?? MAX_RUNNING;
    if (running.length >= maxRunning) {
      throw new HoldfastError(
        "rate_limited",
        `${maxRunning} operations run already: wait for one to end or cancel it`,
        {
          retryAfterMs: 5_000,
        },
      );
    }
    const view: OperationView = {
      actor: "anonymous",
      reason: null,
      ratePerSecond: null,
      to: null,
      canary: null,
      undoUntil: null,
      undoneAt: null,
      undoes: null,
      failures: 0,
      ...spec,
      id: `op_${nanoid(16)}`,
      state: "running",
      done: 0,
      startedAt: Date.now(),
      endedAt: null,
      error: null,
      result: {},
    };
    const abort = new AbortController();
    this.#entries.set(view.id, { view, abort, ended: this.#run(view, abort.signal, work, onEnd) });
    this.#forgetOldest();
    return { ...view };
  }

  get(id: string): OperationView | null {
    const entry = this.#entries.get(id);
    return entry ? { ...entry.view } : null;
  }

  /** Newest first. */
  list(limit = MAX_KEPT): OperationView[] {
    return [...this.#entries.values()]
      .reverse()
      .slice(0, limit)
      .map(({ view }) => ({ ...view }));
  }

  /** Asks it to end; what was done stays done. An operation that ended already is left as it is. */
  cancel(id: string): OperationView | null {
    this.#entries.get(id)?.abort.abort();
    return this.get(id);
  }

  /** Cancels what runs and waits for it to end. */
  async stop(): Promise<void> {
    for (const { abort } of this.#entries.values()) abort.abort();
    await Promise.all([...this.#entries.values()].map(({ ended }) => ended));
  }

  async #run(
    view: OperationView,
    signal: AbortSignal,
    work: OperationWork,
    onEnd?: (view: OperationView) => void,
  ): Promise<void> {
    const progress = (done: number, total = view.total): void => {
      view.done = done;
      // More can match than were counted at the start.
      view.total = Math.max(total, done);
    };
    try {
      view.result = await work({ signal, progress });
      view.state = signal.aborted ? "cancelled" : "succeeded";
    } catch (error) {
      view.state = signal.aborted ? "cancelled" : "failed";
      if (!signal.aborted) view.error = error instanceof Error ? error.message : String(error);
    }
    view.endedAt = Date.now();
    const { id, kind, queue, state, done, total, error } = view;
    this.#options.logger.info({ operationId: id, kind, queue, state, done, total, error }, "operation ended");
    onEnd?.({ ...view });
  }

  #forgetOldest(): void {
    for (const [id, { view }] of this.#entries) {
      if (this.#entries.size <= (this.#options.maxKept ?? MAX_KEPT)) return;
      if (view.state !== "running") this.#entries.delete(id);
    }
  }
}

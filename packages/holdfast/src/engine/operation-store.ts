import { type BulkChange, HoldfastError, LIMITS } from "@holdfast/contracts";
import type { AuditRecord, OperationFailure, OperationView } from "@holdfast/contracts/api";
import { nanoid } from "nanoid";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";
import type { Script } from "../redis/script.ts";

/** What an operation on many tasks has to do. Stored until the operation has ended. */
export interface OperationSpec {
  kind: OperationView["kind"];
  queue: string;
  /** Which dead letters (for a change: which waiting tasks): those with these ids, or all that match the filter. */
  selection?: { ids: string[] } | { filter: object };
  to?: string;
  /** Only for a change of waiting tasks: the new values. */
  change?: BulkChange;
  /** Only for a replay of one task: its new payload as JSON text. */
  payloadText?: string;
  /** Only for a replay: whether to replay a task even if another task holds its unique key. */
  force?: boolean;
  ratePerSecond?: number;
  canary?: { size: number; waitMs: number };
  /** Only for emptying a queue: the states whose tasks are removed. */
  states?: string[];
  /** Only for a burst of test tasks. */
  burst?: { tasks: number; failRate: number; type: string };
  /** Only for a restore: the discard to undo, and when that discard began and ended. */
  undoes?: { id: string; from: number; to: number };
  /** Who started the operation, for the audit record that is written at its end. */
  by: Pick<AuditRecord, "actor" | "keyId" | "role" | "from" | "requestId" | "clientRequestId" | "reason">;
}

/** Limits how many operations one user may have at the same time. */
export interface OperationShare {
  /** An API key, a person or an IP address. */
  who: string;
  /** Whether the operation is on few tasks. Small operations are counted separately, so large ones never block them. */
  isSmall: boolean;
  /** How many operations of this size `who` may have that run, wait or are paused. */
  most: number;
}

export type OperationPhase = "run" | "pause" | "end" | "release";
export type OperationControl = "" | "pause" | "resume" | "cancel";

/** An operation that this process runs. Others cannot run it until the lease of this process expires. */
export interface ClaimedOperation {
  id: string;
  startedAt: number;
  spec: OperationSpec;
  view: OperationView;
  /** The position up to which the operation is done; "" at its start. */
  batch: string;
  control: OperationControl;
  /** How many failures of the operation are stored. */
  failuresKept: number;
  /** The user whose limit the operation counts for; "" if it counts for no user. */
  share: string;
}

const MAX_RUNNING = 50;
const MAX_KEPT = 500;
const PAGE = 100;

type Kept = Omit<OperationView, "id" | "startedAt" | "undoneAt">;

/** Stores operations on many tasks. Any process can create, control and list them; one at a time runs one. */
export class OperationStore {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;
  readonly #clockMs: () => number;

  constructor(connection: Connection, prefix: string, clockMs: () => number = () => 0) {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
    this.#clockMs = clockMs;
  }

  #run<Args, Reply>(script: Script<Args, SystemKeys>, args: Args): Promise<Reply> {
    return this.#connection.script<Args, Reply, SystemKeys>(script, this.#keys, args);
  }

  /**
   * Creates an operation.
   * @param total the number of its tasks, if it is known
   * @param share the user whose limit it counts for @default only the limit of all running operations
   * @throws HoldfastError rate_limited if too many operations run; conflict if the discard was already undone
   */
  async create(spec: OperationSpec, total: number, share?: OperationShare): Promise<OperationView> {
    const id = `op_${nanoid(16)}`;
    const view: Kept = {
      kind: spec.kind,
      queue: spec.queue,
      state: "running",
      done: 0,
      total,
      endedAt: null,
      error: null,
      result: {},
      actor: spec.by.actor,
      reason: spec.by.reason,
      ratePerSecond: spec.ratePerSecond ?? null,
      to: spec.to ?? null,
      canary: spec.canary
        ? { ...spec.canary, state: "waiting", taskIds: [], completed: 0, detail: null }
        : null,
      undoUntil: null,
      undoes: spec.undoes?.id ?? null,
      failures: 0,
    };
    const [outcome, now] = await this.#run<scripts.OperationCreateArgs, [number, number]>(
      scripts.operationCreateScript,
      {
        clockMs: this.#clockMs(),
        operationId: id,
        spec: JSON.stringify(spec),
        view: JSON.stringify(view),
        undoes: spec.undoes?.id ?? "",
        share: share ? `${share.isSmall ? "small" : "large"} ${share.who}` : "",
        maxOfShare: share?.most ?? 0,
        maxRunning: MAX_RUNNING,
        maxKept: MAX_KEPT,
      },
    );
    if (outcome === -2)
      throw new HoldfastError(
        "rate_limited",
        `this key, or this address, has ${share?.most} ${share?.isSmall ? "small " : ""}operations that have not ended, and OPERATIONS_PER_KEY allows no more: wait until one ends, or cancel one`,
        { retryAfterMs: share?.isSmall ? 1_000 : 5_000 },
      );
    if (outcome === 0)
      throw new HoldfastError(
        "rate_limited",
        `${MAX_RUNNING} operations are running, and no more are allowed: wait until one ends, or cancel one`,
        { retryAfterMs: 5_000 },
      );
    if (outcome === -1) throw new HoldfastError("conflict", "this discard was undone already");
    return { ...view, id, startedAt: now, undoneAt: null };
  }

  /**
   * Takes an operation that no process runs.
   * @param options.only take only this operation
   * @param options.passOver skip operations of these users
   */
  async claim(
    owner: string,
    leaseMs: number,
    { only = "", passOver = [] }: { only?: string; passOver?: readonly string[] } = {},
  ): Promise<ClaimedOperation | null> {
    const [id, startedAt, spec, view, batch, control, failures, share] = await this.#run<
      scripts.OperationClaimArgs,
      string[]
    >(scripts.operationClaimScript, { clockMs: this.#clockMs(), owner, leaseMs, only, tail: [...passOver] });
    if (id === undefined) return null;
    return {
      id,
      startedAt: Number(startedAt),
      spec: JSON.parse(spec ?? "") as OperationSpec,
      view: viewOf(id, startedAt ?? "", view ?? "", null),
      batch: batch ?? "",
      control: (control ?? "") as OperationControl,
      failuresKept: Number(failures),
      share: share ?? "",
    };
  }

  /** Stores how far the operation is. @returns null if another process runs the operation now */
  async write(
    id: string,
    owner: string,
    leaseMs: number,
    phase: OperationPhase,
    fields: Record<string, string>,
  ): Promise<{ control: OperationControl; now: number } | null> {
    const [held, control, now] = await this.#run<
      scripts.OperationWriteArgs,
      [number, OperationControl, number]
    >(scripts.operationWriteScript, {
      clockMs: this.#clockMs(),
      operationId: id,
      owner,
      leaseMs,
      phase,
      tail: Object.entries(fields).flat(),
    });
    return held === 1 ? { control, now } : null;
  }

  /** Pauses, resumes or cancels an operation. What it has done is not undone. @throws HoldfastError not_found */
  async control(id: string, control: Exclude<OperationControl, "">): Promise<OperationView> {
    const outcome = await this.#run<scripts.OperationControlArgs, "asked" | "ended" | "unknown">(
      scripts.operationControlScript,
      { operationId: id, control },
    );
    const view = outcome === "unknown" ? null : await this.get(id);
    if (!view) throw new HoldfastError("not_found", `there is no operation ${id}`);
    if (outcome === "ended" && control !== "cancel")
      throw new HoldfastError("conflict", `operation ${id} has ended: it is ${view.state}`);
    return view;
  }

  /** Creates an operation that restores the tasks of a discard. @throws HoldfastError not_found, conflict, too_late */
  async undo(
    id: string,
    by: OperationSpec["by"],
    shareOf: (total: number) => OperationShare | undefined = () => undefined,
  ): Promise<OperationView> {
    const view = await this.get(id);
    if (!view) throw new HoldfastError("not_found", `there is no operation ${id}`);
    if (view.kind !== "discard")
      throw new HoldfastError("conflict", `operation ${id} is a ${view.kind}: only a discard can be undone`);
    if (view.endedAt === null)
      throw new HoldfastError("conflict", `operation ${id} has not ended: cancel it first`);
    if (view.undoneAt !== null) throw new HoldfastError("conflict", "this discard was undone already");
    if (this.#now() > view.endedAt + LIMITS.undoMs)
      throw new HoldfastError(
        "too_late",
        `operation ${id} ended too long ago: a discard can be undone for ${LIMITS.undoMs / 60_000} minutes`,
      );
    const undoes = { id, from: view.startedAt, to: view.endedAt };
    const total = view.result.discarded ?? 0;
    return this.create({ kind: "restore", queue: view.queue, undoes, by }, total, shareOf(total));
  }

  async get(id: string): Promise<OperationView | null> {
    const [view] = await this.#views([id]);
    return view ?? null;
  }

  /** Lists operations, newest first. @throws HoldfastError invalid_cursor */
  async list(
    options: {
      cursor?: string;
      limit?: number;
      queue?: string;
      state?: OperationView["state"];
      isVisible?(queue: string): boolean;
    } = {},
  ): Promise<{ operations: OperationView[]; cursor: string | null }> {
    const { cursor, limit = 50, queue, state, isVisible } = options;
    if (cursor !== undefined && !/^op_[A-Za-z0-9_-]{16}$/.test(cursor))
      throw new HoldfastError("invalid_cursor", "this cursor is not valid: start again without one");
    const operations: OperationView[] = [];
    let from = 0;
    if (cursor !== undefined) {
      const rank = await this.#connection.command<number | null>(
        "ZREVRANK",
        this.#keys.operationsIndex,
        cursor,
      );
      // The operation of the cursor was deleted because of its age, so all older ones were deleted too.
      if (rank === null) return { operations, cursor: null };
      from = Number(rank) + 1;
    }
    for (;;) {
      const ids = await this.#connection.command<string[]>(
        "ZREVRANGE",
        this.#keys.operationsIndex,
        from,
        from + PAGE - 1,
      );
      for (const view of await this.#views(ids)) {
        const fits =
          isVisible?.(view.queue) !== false &&
          (queue === undefined || view.queue === queue) &&
          (state === undefined || view.state === state);
        if (fits) operations.push(view);
        if (operations.length === limit) return { operations, cursor: view.id };
      }
      if (ids.length < PAGE) return { operations, cursor: null };
      from += PAGE;
    }
  }

  async failures(
    id: string,
    options: { cursor?: string; limit?: number } = {},
  ): Promise<{ failures: OperationFailure[]; cursor: string | null; total: number }> {
    const view = await this.get(id);
    if (!view) throw new HoldfastError("not_found", `there is no operation ${id}`);
    const { limit = 50 } = options;
    const from = Number(options.cursor ?? 0);
    const fields = Array.from({ length: limit }, (_, i) => `${id}:failure:${from + i}`);
    const texts = await this.#connection.command<(string | null)[]>(
      "HMGET",
      this.#keys.operations,
      ...fields,
    );
    const failures = texts
      .filter((text): text is string => text !== null)
      .map((text) => JSON.parse(text) as OperationFailure);
    const kept = Math.min(view.failures, MAX_FAILURES);
    return { failures, cursor: from + limit < kept ? String(from + limit) : null, total: view.failures };
  }

  /** Returns the outcome of each id in an operation: the error code of its failure, or `done`. */
  async outcomes(
    id: string,
    ids: readonly string[],
    done: string,
  ): Promise<{ id: string; outcome: string }[]> {
    const failed = new Map<string, string>();
    for (let cursor: string | null = "0"; cursor !== null; ) {
      const page = await this.failures(id, { cursor, limit: LIMITS.pageTasks });
      for (const failure of page.failures) failed.set(failure.id, failure.code);
      cursor = page.cursor;
    }
    return ids.map((id) => ({ id, outcome: failed.get(id) ?? done }));
  }

  #now(): number {
    return this.#clockMs() || this.#connection.now();
  }

  async #views(ids: readonly string[]): Promise<OperationView[]> {
    if (ids.length === 0) return [];
    const fields = ids.flatMap((id) => [`${id}:view`, `${id}:undoneAt`]);
    const [texts, ...scores] = await Promise.all([
      this.#connection.command<(string | null)[]>("HMGET", this.#keys.operations, ...fields),
      ...ids.map((id) => this.#connection.command<string | null>("ZSCORE", this.#keys.operationsIndex, id)),
    ]);
    return ids.flatMap((id, i) => {
      const text = texts[2 * i];
      const score = scores[i];
      return text && score ? [viewOf(id, score, text, texts[2 * i + 1] ?? null)] : [];
    });
  }
}

/** At most this many failures of one operation are stored. */
export const MAX_FAILURES = 1_000;

function viewOf(id: string, startedAt: string, text: string, undoneAt: string | null): OperationView {
  const view = JSON.parse(text) as Kept;
  return { ...view, id, startedAt: Number(startedAt), undoneAt: undoneAt === null ? null : Number(undoneAt) };
}

/** Returns the part of an operation that is stored as JSON; the rest has fields of its own. */
export function keptText({
  id: _id,
  startedAt: _startedAt,
  undoneAt: _undoneAt,
  ...kept
}: OperationView): string {
  return JSON.stringify(kept);
}

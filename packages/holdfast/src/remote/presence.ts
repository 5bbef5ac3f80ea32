import type { CurrentTask } from "@holdfast/contracts";
import type { Registry, WorkerEntry } from "../engine/registry.ts";
import { monotonicMs } from "../worker/lease-table.ts";
import type { RemoteAsk, RemoteInfo, RemoteWorker } from "./remote-worker.ts";

/** How often the entry of a worker is written to the registry, ms: as often as that of a worker of the library. */
const EVERY_MS = 2_000;
const FORGOTTEN_MS = 60_000;
/** At most this many running tasks of a worker are shown, as for a worker of the library. */
const SHOWN_TASKS = 100;

interface Seen {
  atMs: number;
  draining: boolean;
  startedAt: number;
  queues: ReadonlySet<string>;
  info: RemoteInfo;
  types: readonly string[];
  busy: number;
  tasks: readonly CurrentTask[];
  registering: Promise<boolean> | undefined;
}

/** What a request tells about its worker. */
export interface Sight {
  queue: string;
  /** The task types that the worker runs; undefined if the request does not say. */
  types?: readonly string[];
  state?: WorkerEntry["state"];
  /** The tasks that the worker runs; undefined if the request does not say. */
  tasks?: readonly CurrentTask[];
  busy?: number;
}

export const sightOf = ({ types, held }: RemoteAsk) => ({ types, busy: held });

/** Keeps the entries of remote workers in the registry while they send requests. */
export class Presence {
  readonly #registry: Registry;
  readonly #now: () => number;
  readonly #seen = new Map<string, Seen>();

  /** @param now returns the time of Redis, ms since the epoch */
  constructor(registry: Registry, now: () => number) {
    this.#registry = registry;
    this.#now = now;
  }

  /** Returns the version that the worker has named, now or in an earlier request; "" if it has named none. */
  versionOf({ id, info }: RemoteWorker): string {
    return info?.version ?? this.#seen.get(id)?.info.version ?? "";
  }

  /** Called for each request of a worker. @returns whether an operator told the worker to drain */
  async see(worker: RemoteWorker, sight: Sight): Promise<boolean> {
    this.#forget();
    const seen = this.#seen.get(worker.id);
    const isFresh = seen !== undefined && monotonicMs() - seen.atMs < EVERY_MS;
    if (isFresh && sight.tasks === undefined && sight.state === undefined) return seen.draining;
    return this.#register(worker, sight, seen);
  }

  async #register(worker: RemoteWorker, sight: Sight, before: Seen | undefined): Promise<boolean> {
    if (before?.registering && sight.tasks === undefined && sight.state === undefined)
      return before.registering;
    const now = this.#now();
    // If the request has no `info`, that of an earlier request is used.
    const info = worker.info ?? before?.info ?? {};
    const startedAt = info.startedAt ?? before?.startedAt ?? now;
    const tasks = sight.tasks ?? before?.tasks ?? [];
    const queues = new Set([...(before?.queues ?? []), sight.queue]);
    const types = info.types ?? sight.types ?? before?.types ?? ["*"];
    const entry: WorkerEntry = {
      id: worker.id,
      queues: [...(info.queues ?? queues)],
      types: [...types],
      ...{ host: info.host ?? "", pid: info.pid ?? 0, version: info.version ?? "" },
      ...{ slots: info.slots ?? 0, busy: sight.busy ?? before?.busy ?? tasks.length },
      ...{ startedAt, heartbeatAt: now },
      state: sight.state ?? (before?.draining ? "draining" : "running"),
    };
    if (entry.state === "draining" && entry.busy === 0) entry.state = "drained";
    const registering = this.#registry.putWorker(entry, tasks.slice(0, SHOWN_TASKS));
    const seen: Seen = {
      atMs: monotonicMs(),
      draining: before?.draining ?? false,
      queues,
      info,
      types,
      startedAt,
      busy: entry.busy,
      tasks,
      registering,
    };
    this.#seen.delete(worker.id);
    this.#seen.set(worker.id, seen);
    try {
      seen.draining = await registering;
      return seen.draining;
    } catch (error) {
      this.#seen.delete(worker.id);
      throw error;
    } finally {
      seen.registering = undefined;
    }
  }

  /** Forgets workers that have sent no requests for long. The map has the oldest ones first. */
  #forget(): void {
    for (const [id, { atMs }] of this.#seen) {
      if (monotonicMs() - atMs < FORGOTTEN_MS) return;
      this.#seen.delete(id);
    }
  }
}

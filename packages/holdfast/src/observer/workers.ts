import type { WorkerView } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";

const WORKER_LOST_MS = 10_000;

/** Returns the registered workers, sorted by id. @param withTasks whether to add the tasks that each worker runs */
export async function workersOf(client: Holdfast, withTasks: boolean): Promise<WorkerView[]> {
  const tasks = withTasks ? await client.registry.workerTasks() : null;
  const now = client.connection.now();
  return (await client.registry.workers())
    .map((worker): WorkerView => {
      const heartbeatAgeMs = Math.max(0, Math.round(now - worker.heartbeatAt));
      const lost = worker.state !== "stopped" && heartbeatAgeMs > WORKER_LOST_MS;
      return {
        ...worker,
        heartbeatAgeMs,
        state: lost ? "lost" : worker.state,
        ...(tasks ? { tasks: tasks.get(worker.id) ?? [] } : {}),
      };
    })
    .sort((a, b) => a.id.localeCompare(b.id));
}

/** Returns whether a worker of these queues runs tasks of the queue, or of one of its partitions. */
export const runsQueue = (queues: readonly string[], queue: string): boolean =>
  queues.some((name) => name === queue || name.startsWith(`${queue}/`));

/** A version of the workers of a queue, and when its first worker started. */
export interface Deploy {
  /** When the first worker of this version started, ms since the epoch. */
  at: number;
  version: string;
}

/** Returns the version of the worker that was started last; null if no worker has a version. */
export function deployedOf(queue: string, workers: readonly WorkerView[]): Deploy | null {
  const own = workers.filter(({ queues, version }) => version !== "" && runsQueue(queues, queue));
  const [last] = own.sort((a, b) => b.startedAt - a.startedAt);
  if (last === undefined) return null;
  const same = own.filter(({ version }) => version === last.version);
  return { version: last.version, at: Math.min(...same.map(({ startedAt }) => startedAt)) };
}

import type { WorkerView } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";

const WORKER_LOST_MS = 10_000;

/** Returns the registered workers, sorted by id. @param withTasks adds the tasks that each worker runs */
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

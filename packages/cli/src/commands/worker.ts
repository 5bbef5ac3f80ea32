import type { WorkerView } from "holdfast";
import type { Action, Command } from "../context.ts";
import type { Column } from "../output.ts";
import { duration } from "../values.ts";

export const WORKER_COLUMNS: Column<WorkerView>[] = [
  { title: "WORKER", cell: (worker) => worker.id },
  { title: "STATE", cell: (worker) => worker.state },
  { title: "BUSY", cell: (worker) => `${worker.busy}/${worker.slots}`, right: true },
  { title: "QUEUES", cell: (worker) => worker.queues.join(",") },
  { title: "VERSION", cell: (worker) => worker.version },
  { title: "HOST", cell: (worker) => `${worker.host}:${worker.pid}` },
  { title: "HEARTBEAT", cell: (worker) => `${duration(worker.heartbeatAgeMs)} ago`, right: true },
];

export function workerCommand(program: Command, action: Action): void {
  const worker = program.command("worker").description("shows, drains and resumes workers");

  worker
    .command("ls")
    .alias("list")
    .description("lists every registered worker; a worker without heartbeats is listed as lost for an hour")
    .action(
      action(async (context) => {
        context.out.list(await (await context.observer()).workers({ tasks: true }), WORKER_COLUMNS);
      }),
    );

  worker
    .command("drain")
    .argument("<id>")
    .description(
      "stops a worker from acquiring: it hands back tasks that it has not begun, and finishes the others",
    )
    .action(
      action(async (context, [id = ""]) => {
        const observer = await context.observer();
        await context.recorded({ action: "worker.drain", queue: null, subject: id }, () =>
          observer.drainWorker(id),
        );
        context.out.record({ id, draining: true }, [
          [id, "asked to drain: the worker begins within two seconds"],
        ]);
      }),
    );

  worker
    .command("resume")
    .argument("<id>")
    .description("lets a drained worker acquire again")
    .action(
      action(async (context, [id = ""]) => {
        const observer = await context.observer();
        await context.recorded({ action: "worker.resume", queue: null, subject: id }, () =>
          observer.resumeWorker(id),
        );
        context.out.record({ id, draining: false }, [
          [id, "asked to acquire again: the worker begins within two seconds"],
        ]);
      }),
    );
}

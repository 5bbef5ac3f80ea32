import type { QueueStats } from "holdfast";
import type { Action, Command } from "../context.ts";
import type { Column } from "../output.ts";
import { duration, time } from "../values.ts";

export const QUEUE_COLUMNS: Column<QueueStats>[] = [
  { title: "QUEUE", cell: (stats) => stats.queue },
  { title: "STATE", cell: (stats) => (stats.paused ? "paused" : "running") },
  { title: "PENDING", cell: (stats) => stats.pending, right: true },
  {
    title: "OLDEST",
    cell: (stats) => (stats.pending > 0 ? duration(stats.oldestPendingAgeMs) : ""),
    right: true,
  },
  { title: "PROCESSING", cell: (stats) => stats.processing, right: true },
  { title: "SCHEDULED", cell: (stats) => stats.scheduled, right: true },
  { title: "DEAD", cell: (stats) => stats.dead, right: true },
  { title: "COMPLETED", cell: (stats) => stats.totals.acked, right: true },
];

export function queueCommand(program: Command, action: Action): void {
  const queue = program.command("queue").description("queues: their counts, pause and resume");

  queue
    .command("ls")
    .alias("list")
    .description("every queue with its counts; COMPLETED counts from its beginning on")
    .action(
      action(async (context) => {
        context.out.list(await (await context.observer()).snapshot(), QUEUE_COLUMNS);
      }),
    );

  queue
    .command("show")
    .argument("<queue>")
    .description("one queue: counts, totals and settings")
    .action(
      action(async (context, [name = ""]) => {
        const observer = await context.observer();
        const stats = await observer.stats(name);
        const partitions = await observer.partitions(name);
        const { high, normal, low } = stats.pendingByPriority;
        context.out.record({ ...stats, partitions }, [
          ["queue", stats.queue],
          ["state", stats.paused ? `paused${stats.pauseReason ? `: ${stats.pauseReason}` : ""}` : "running"],
          ["paused by", stats.pausedBy],
          ["paused since", time(stats.pausedAt)],
          ["partitions", partitions],
          [
            "pending",
            `${stats.pending} (high ${high}, normal ${normal}, low ${low}, solo ${stats.pendingSolo})`,
          ],
          ["oldest pending", stats.pending > 0 ? duration(stats.oldestPendingAgeMs) : ""],
          ...(["processing", "scheduled", "dead", "completed", "cancelled", "expired"] as const).map(
            (state) => [state, stats[state]] as const,
          ),
          ...Object.entries(stats.totals).map(([name, value]) => [`total ${name}`, value] as const),
          ...Object.entries(stats.settings).map(([name, value]) => [`setting ${name}`, value] as const),
        ]);
      }),
    );

  queue
    .command("pause")
    .argument("<queue>")
    .option("--reason <text>", "shown to whoever asks why nothing runs", "")
    .description("workers acquire nothing more of it; what runs goes on, enqueues are accepted")
    .action(
      action<{ reason: string }>(async (context, [name = ""], { reason }) => {
        const observer = await context.observer();
        const mutation = {
          action: "queue.pause",
          queue: name,
          ...(reason === "" ? {} : { reason }),
        } as const;
        await context.recorded(mutation, () => observer.pause(name, reason, context.by().actor));
        context.out.record({ queue: name, paused: true }, [[name, "paused"]]);
      }),
    );

  queue
    .command("resume")
    .argument("<queue>")
    .description("workers acquire from it again")
    .action(
      action(async (context, [name = ""]) => {
        const observer = await context.observer();
        await context.recorded({ action: "queue.resume", queue: name }, () => observer.resume(name));
        context.out.record({ queue: name, paused: false }, [[name, "running"]]);
      }),
    );
}

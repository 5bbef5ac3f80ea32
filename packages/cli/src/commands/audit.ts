import type { AuditReport } from "holdfast";
import type { Action, Command } from "../context.ts";
import { EXIT } from "../exit.ts";

export function auditCommand(program: Command, action: Action): void {
  program
    .command("audit")
    .argument("[queues...]")
    .option("--repair", "removes index entries that have no task")
    .description("compares the indexes of queues (by default of all) with their tasks; exit 1 if they differ")
    .action(
      action<{ repair?: boolean }>(async (context, names, { repair = false }) => {
        const observer = await context.observer();
        const reports: AuditReport[] = [];
        for (const queue of names.length > 0 ? names : await observer.queues()) {
          context.io.signal.throwIfAborted();
          const look = () => observer.audit(queue, { repair });
          reports.push(
            repair
              ? await context.recorded({ action: "queue.repair", queue }, look, ({ repaired }) => repaired)
              : await look(),
          );
        }
        context.out.list(reports, [
          { title: "QUEUE", cell: (report) => report.queue },
          { title: "VIOLATIONS", cell: (report) => report.violations.length, right: true },
          { title: "REPAIRED", cell: (report) => report.repaired, right: true },
          {
            title: "FIRST",
            cell: ({ violations: [first] }) => (first ? `${first.invariant}: ${first.detail}` : ""),
          },
        ]);
        return reports.some(({ violations }) => violations.length > 0) ? EXIT.failed : EXIT.ok;
      }),
    );
}

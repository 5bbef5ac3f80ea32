import { LIMITS } from "@holdfast/contracts";
import type { Action, Command } from "../context.ts";
import { parseWhole, time } from "../values.ts";

/** The command `history` shows the audit log. It differs from `audit`, which compares indexes with tasks. */
export function historyCommand(program: Command, action: Action): void {
  program
    .command("history")
    .option("--queue <queue>", "only actions on this queue")
    .option("--actor <name>", "only actions of this person or key")
    .option("--limit <n>", `rows, 1 to ${LIMITS.pageTasks}`, parseWhole(1, LIMITS.pageTasks), 50)
    .option("--cursor <cursor>", "cursor of the next page")
    .option("--all", "all records, oldest first")
    .description("shows the actions of operators in the dashboard, the API and this command")
    .action(
      action<{ queue?: string; actor?: string; limit: number; cursor?: string; all?: boolean }>(
        async (context, _args, { all, ...options }) => {
          await context.checked();
          const columns = [
            { title: "AT", cell: (row: { at: number }) => time(row.at) },
            { title: "ACTOR", cell: (row: { actor: string }) => row.actor },
            { title: "FROM", cell: (row: { from: string }) => row.from },
            { title: "ACTION", cell: (row: { action: string }) => row.action },
            { title: "QUEUE", cell: (row: { queue: string | null }) => row.queue ?? "" },
            { title: "SUBJECT", cell: (row: { subject: string | null }) => row.subject ?? "" },
            { title: "COUNT", cell: (row: { count: number }) => row.count, right: true },
            { title: "OUTCOME", cell: (row: { outcome: string }) => row.outcome },
            { title: "REASON", cell: (row: { reason: string | null }) => row.reason ?? "" },
          ];
          if (all) {
            for await (const page of context.client.actions.all(options))
              for (const record of page) context.out.json(record);
            return;
          }
          const page = await context.client.actions.page(options);
          context.out.list(page.records, columns);
          if (page.cursor !== null) context.out.say(`more: --cursor ${page.cursor}`);
        },
      ),
    );
}

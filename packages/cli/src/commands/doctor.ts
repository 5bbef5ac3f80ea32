import type { Action, Command } from "../context.ts";
import { examine } from "../doctor/examine.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { parseDuration } from "../values.ts";

export function doctorCommand(program: Command, action: Action): void {
  program
    .command("doctor")
    .option(
      "--max-wait <duration>",
      "report a problem if a task has waited for longer than this",
      parseDuration,
      300_000,
    )
    .description(
      "checks Redis, clocks, workers and queues, and says what to do; exit 1 if something is wrong",
    )
    .action(
      action<{ maxWait: number }>(async (context, _args, { maxWait }) => {
        const { out } = context;
        const findings = await examine(context, maxWait);
        const problems = findings.filter(({ verdict }) => verdict === "problem").length;
        if (out.format === "json") out.json({ ok: problems === 0, findings }, 2);
        else if (out.format === "ndjson") for (const finding of findings) out.json(finding);
        else {
          const width = Math.max(...findings.map(({ check }) => check.length));
          for (const { verdict, check, detail, remedy } of findings) {
            out.line(`${verdict.padEnd(7)}  ${check.padEnd(width)}  ${printable(detail)}`);
            if (remedy !== null) out.line(`${" ".repeat(width + 11)}-> ${printable(remedy)}`);
          }
          out.line("");
          out.line(
            problems === 0 ? "nothing wrong" : `${problems} ${problems === 1 ? "problem" : "problems"}`,
          );
        }
        return problems === 0 ? EXIT.ok : EXIT.failed;
      }),
    );
}

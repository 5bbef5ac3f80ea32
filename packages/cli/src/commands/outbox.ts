import { Outbox, OutboxRelay, type OutboxReport } from "@holdfast/outbox";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { EXIT, type ExitCode, messageOf } from "../exit.ts";
import { type DatabaseOptions, databaseOptions, openDatabase, tableOptions } from "../outbox/database.ts";
import type { Column } from "../output.ts";
import { counted, duration, parseDuration, parseWhole, time } from "../values.ts";

// While the database or Redis is away, the relay reports the same error several times a second. The command prints it
// at most this often, ms.
const REPEAT_MS = 10_000;
const SHOWN_MISSING = 20;

interface RelayOptions extends DatabaseOptions {
  batch: number;
  poll: number;
  keep: number;
  metricsPort?: number;
  metricsHost: string;
}

interface CheckOptions extends DatabaseOptions {
  window: number;
  maxLag?: number;
  resend?: boolean;
}

export function outboxCommand(program: Command, action: Action): void {
  const command = program
    .command("outbox")
    .description("sends the rows of an outbox in Postgres or SQLite to Redis, and checks it");

  tableOptions(command.command("sql"))
    .addOption(
      new Option("--dialect <name>", "the database").choices(["postgres", "sqlite"]).default("postgres"),
    )
    .description("prints the SQL that makes the table of an outbox; it can be run again")
    .action(
      action<DatabaseOptions & { dialect: "postgres" | "sqlite" }>(async ({ io }, _, options) => {
        io.stdout.write(outboxOf(options).schema(options.dialect));
      }),
    );

  databaseOptions(command.command("relay"))
    .option("--batch <n>", "rows that are sent in one go", parseWhole(1, 5_000), 500)
    .option("--poll <duration>", "longest time between two looks at the table", parseDuration, 250)
    .option("--keep <duration>", "how long rows stay after they were sent", parseDuration, 3_600_000)
    .option("--metrics-port <port>", "serve metrics for Prometheus at /metrics", parseWhole(1, 65_535))
    .option("--metrics-host <host>", "address on which they are served", "127.0.0.1")
    .description("sends rows until it is interrupted; any number of relays may run")
    .action(action<RelayOptions>((context, _, options) => relay(context, options)));

  databaseOptions(command.command("check"))
    .option(
      "--window <duration>",
      "compare rows that were sent within this time; at most the idempotencyMs of the queues",
      parseDuration,
      3_600_000,
    )
    .option("--max-lag <duration>", "exit 1 as well if a row waits for longer", parseDuration)
    .option("--resend", "send the rows again whose tasks are missing")
    .description("compares the rows with the tasks; exit 1 if a task is missing or a row was refused")
    .action(action<CheckOptions>((context, _, options) => check(context, options)));

  databaseOptions(command.command("resend"))
    .argument("<ids...>")
    .description("makes rows due again that were sent or refused; a task that Redis knows does not run again")
    .action(
      action<DatabaseOptions>(async ({ io, out }, ids, options) => {
        const { database, close } = await openDatabase(io.env, options);
        try {
          const resent = await outboxOf(options).resend(database, ids);
          out.record({ resent }, [["due again", counted(resent, "row", "rows")]]);
          return resent === ids.length ? EXIT.ok : EXIT.notFound;
        } finally {
          await close();
        }
      }),
    );
}

const outboxOf = ({ table, schema }: DatabaseOptions) => new Outbox({ table, schema });

async function relay(context: Context, options: RelayOptions): Promise<ExitCode> {
  const { io, out, client } = context;
  const { database, close } = await openDatabase(io.env, options);
  const relaying = new OutboxRelay({
    ...{ database, client, outbox: outboxOf(options) },
    ...{ batchRows: options.batch, pollMs: options.poll, keepMs: options.keep },
  });
  let sent = 0;
  let lastError = { text: "", at: 0 };
  relaying.on("relayed", (event) => {
    sent += event.sent;
  });
  relaying.on("refused", ({ id, queue, error }) =>
    out.say(`holdfast: row ${id} (${queue}) was refused: ${error}`),
  );
  relaying.on("error", (error) => {
    const text = messageOf(error);
    if (text === lastError.text && Date.now() - lastError.at < REPEAT_MS) return;
    lastError = { text, at: Date.now() };
    out.say(`holdfast: ${text}`);
  });
  const { metricsPort, metricsHost } = options;
  let endMetrics = async () => {};
  try {
    if (metricsPort !== undefined) {
      // The metrics library is loaded only here, so that other commands start more quickly.
      const { relayMetrics, serveMetrics } = await import("../outbox/metrics.ts");
      endMetrics = await serveMetrics(relayMetrics(relaying), metricsHost, metricsPort);
    }
    relaying.start();
    out.say(`holdfast: the relay runs, and sends rows to Redis at ${context.where}`);
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      else io.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    await relaying.stop();
    await endMetrics();
    await close();
  }
  out.say(`holdfast: the relay has sent ${counted(sent, "row", "rows")}`);
  return EXIT.ok;
}

const MISSING_COLUMNS: Column<OutboxReport["missing"][number]>[] = [
  { title: "MISSING", cell: ({ id }) => id },
  { title: "QUEUE", cell: ({ queue }) => queue },
];

const REFUSED_COLUMNS: Column<OutboxReport["refusedRows"][number]>[] = [
  { title: "REFUSED", cell: ({ id }) => id },
  { title: "QUEUE", cell: ({ queue }) => queue },
  { title: "TYPE", cell: ({ type }) => type },
  { title: "AT", cell: ({ refusedAt }) => time(refusedAt) },
  { title: "ERROR", cell: ({ error }) => error },
];

async function check(context: Context, options: CheckOptions): Promise<ExitCode> {
  const { io, out, client } = context;
  await context.checked();
  const { database, close } = await openDatabase(io.env, options);
  try {
    const outbox = outboxOf(options);
    const report = await outbox.check(database, { client, windowMs: options.window, signal: io.signal });
    const { missing, refused, refusedRows, pending, oldestPendingMs } = report;
    const ids = missing.map(({ id }) => id);
    const resent = options.resend && ids.length > 0 ? await outbox.resend(database, ids) : 0;
    out.record({ ...report, resent }, [
      ["compared", counted(report.compared, "row", "rows")],
      ["known", counted(report.known, "task", "tasks")],
      ["missing", counted(missing.length, "task", "tasks")],
      ["sent again", options.resend ? counted(resent, "row", "rows") : ""],
      ["refused", counted(refused, "row", "rows")],
      [
        "pending",
        `${counted(pending, "row", "rows")}${pending > 0 ? `, the oldest for ${duration(oldestPendingMs)}` : ""}`,
      ],
    ]);
    if (out.format === "table") {
      if (missing.length > 0) out.list(missing.slice(0, SHOWN_MISSING), MISSING_COLUMNS);
      if (refused > 0) out.list(refusedRows, REFUSED_COLUMNS);
    }
    const isLate = options.maxLag !== undefined && oldestPendingMs > options.maxLag;
    return report.agrees && !isLate ? EXIT.ok : EXIT.failed;
  } finally {
    await close();
  }
}

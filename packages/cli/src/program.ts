import { alertCommand } from "./commands/alert.ts";
import { auditCommand } from "./commands/audit.ts";
import { burstCommand } from "./commands/burst.ts";
import { completionCommand } from "./commands/completion.ts";
import { devCommand } from "./commands/dev.ts";
import { dlqCommand } from "./commands/dlq.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { enqueueCommand } from "./commands/enqueue.ts";
import { errorsCommand } from "./commands/errors.ts";
import { eventsCommand } from "./commands/events.ts";
import { flowCommand } from "./commands/flow.ts";
import { historyCommand } from "./commands/history.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { keyCommand } from "./commands/key.ts";
import { limitsCommand } from "./commands/limits.ts";
import { limitsTryCommand } from "./commands/limits-try.ts";
import { operationCommand } from "./commands/operation.ts";
import { outboxCommand } from "./commands/outbox.ts";
import { queueCommand } from "./commands/queue.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { taskCommand } from "./commands/task.ts";
import { topCommand } from "./commands/top.ts";
import { workerCommand } from "./commands/worker.ts";
import { actions, Command, CommanderError, formatOption, type Io } from "./context.ts";
import { EXIT, type ExitCode, exitCodeOf, messageOf } from "./exit.ts";
import { flushed, lostOutput, printable } from "./output.ts";

const EXIT_CODES = `
Exit codes: 0 done; 1 failed, or something is wrong; 2 wrong usage; 3 not found; 4 conflict, or too late;
5 Redis does not answer.
Where Redis is: --redis, or REDIS_URL, REDIS_HOST, REDIS_PORT and the others that the services read.
An id or payload that begins with a dash goes after --.`;

/** Runs one command line. Data goes to stdout, and an error goes to stderr as one line. */
export async function run(argv: readonly string[], version: string, io: Io): Promise<ExitCode> {
  const code = await runCommand(argv, version, io);
  await flushed(io.stdout);
  const lost = io.outputError();
  if (lost === null) return code;
  io.stderr.write(`holdfast: ${lostOutput(lost)}\n`);
  return code === EXIT.ok ? EXIT.failed : code;
}

async function runCommand(argv: readonly string[], version: string, io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(version, io, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // Commander has already printed the error or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    io.stderr.write(`holdfast: ${printable(io.signal.aborted ? "interrupted" : messageOf(error))}\n`);
    return io.signal.aborted ? EXIT.failed : exitCodeOf(error);
  }
}

function createProgram(version: string, io: Io, ended: (code: ExitCode) => void): Command {
  const program = new Command("holdfast")
    .description("Shows and controls the queues of a Holdfast system.")
    .version(version)
    .option(
      "--redis <url>",
      "address of Redis, redis:// or rediss://; better put a password into REDIS_URL_FILE",
    )
    .option("--prefix <prefix>", "first part of every key (default: QUEUE_PREFIX, or queue)")
    .addOption(formatOption())
    .option("--json", "the same as --output json")
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) =>
        write(
          `holdfast: ${printable(
            text
              .trim()
              .replace(/^error: /, "")
              .replaceAll(/\s*\n\s*/g, " "),
          )}\n`,
        ),
    });
  const action = actions(io, ended);
  enqueueCommand(program, action);
  importCommand(program, action);
  queueCommand(program, action);
  limitsTryCommand(limitsCommand(program, action), action);
  taskCommand(program, action);
  flowCommand(program, action);
  eventsCommand(program, action);
  dlqCommand(program, action);
  errorsCommand(program, action);
  operationCommand(program, action);
  historyCommand(program, action);
  workerCommand(program, action);
  scheduleCommand(program, action);
  alertCommand(program, action);
  outboxCommand(program, action);
  topCommand(program, action);
  burstCommand(program, action);
  doctorCommand(program, action);
  devCommand(program, action);
  initCommand(program, action);
  auditCommand(program, action);
  keyCommand(program, action);
  completionCommand(program, io);
  return program;
}

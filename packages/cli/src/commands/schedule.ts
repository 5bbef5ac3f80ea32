import { LIMITS, MISSED_POLICIES, OVERLAP_POLICIES, PRIORITIES } from "@holdfast/contracts";
import { checkJson } from "@holdfast/contracts/json";
import {
  HoldfastError,
  type MissedPolicy,
  type OverlapPolicy,
  type Priority,
  Schedules,
  type ScheduleView,
} from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { overdueOf, START_A_JANITOR } from "../doctor/janitors.ts";
import { EXIT } from "../exit.ts";
import { type KeepOptions, keepOf, keepOptions } from "../keep-options.ts";
import type { Column } from "../output.ts";
import { type UniqueOptions, uniqueOf, uniqueOptions } from "../unique-options.ts";
import { collect, parseDuration, parseTime, parseWhole, time } from "../values.ts";

const SCHEDULE_COLUMNS: Column<ScheduleView>[] = [
  { title: "SCHEDULE", cell: (schedule) => schedule.id },
  { title: "QUEUE", cell: (schedule) => schedule.queue },
  { title: "STATE", cell: (schedule) => (schedule.paused ? "paused" : "running") },
  { title: "CRON", cell: (schedule) => schedule.cron },
  { title: "TIME ZONE", cell: (schedule) => schedule.timeZone },
  { title: "TYPE", cell: (schedule) => schedule.type },
  { title: "NEXT", cell: (schedule) => time(schedule.nextAt) },
  {
    title: "LAST",
    cell: ({ lastRun }) => (lastRun ? `${lastRun.outcome}${lastRun.state ? `, ${lastRun.state}` : ""}` : ""),
  },
];

interface PutOptions extends UniqueOptions, KeepOptions {
  timeZone?: string;
  startAt?: number;
  endAt?: number;
  limit?: number;
  immediately?: boolean;
  missed?: MissedPolicy;
  overlap?: OverlapPolicy;
  paused?: boolean;
  priority?: Priority;
  maxRetries?: number;
  timeout?: number;
  expiresAfter?: number;
  tag?: string[];
}

const schedulesOf = (context: Context) => new Schedules({ client: context.client });

function show({ out }: Context, schedule: ScheduleView): void {
  const { lastRun } = schedule;
  out.record(schedule, [
    ["schedule", schedule.id],
    ["state", schedule.paused ? "paused" : "running"],
    ["queue", schedule.queue],
    ["cron", `${schedule.cron}  (${schedule.words}, ${schedule.timeZone})`],
    ["starts", time(schedule.startAt)],
    ["ends", time(schedule.endAt)],
    ["limit", schedule.limit === null ? null : `${schedule.limit} (${schedule.count} so far)`],
    ["type", schedule.type],
    ["payload", schedule.payloadText],
    ...Object.entries(schedule.options).map(([name, value]) => [name, JSON.stringify(value)] as const),
    ["missed", schedule.missed],
    ["overlap", schedule.overlap],
    ["next", schedule.paused ? "" : schedule.nextRuns.map(time).join("  ")],
    [
      "last",
      lastRun &&
        `${time(lastRun.at)}  ${lastRun.outcome}${lastRun.taskId ? `  ${lastRun.taskId}` : ""}${lastRun.state ? `  ${lastRun.state}` : ""}`,
    ],
    ["written", time(schedule.updatedAt)],
  ]);
}

function found(schedule: ScheduleView | null, id: string): ScheduleView {
  if (!schedule) throw new HoldfastError("not_found", `there is no schedule "${id}"`);
  return schedule;
}

/** Warns if no janitor runs, or if a schedule is overdue although janitors run. @returns whether it warned */
async function sayWhatKeepsThem(context: Context, schedules: readonly ScheduleView[]): Promise<boolean> {
  if (schedules.every(({ paused }) => paused)) return false;
  const janitors = await (await context.observer()).janitors();
  const overdue = overdueOf(schedules, context.client.connection.now());
  const why = janitors.length === 0 ? "no janitor runs, so schedules enqueue nothing" : overdue;
  if (why === null) return false;
  context.out.say(`holdfast: ${why}; ${START_A_JANITOR}`);
  return true;
}

/** Changes an existing schedule. The audit log records the change under the queue of the schedule. */
async function changed<T>(
  context: Context,
  verb: "delete" | "run" | "pause" | "resume",
  id: string,
  act: (schedules: Schedules) => Promise<T>,
  count = 0,
): Promise<T> {
  const schedules = schedulesOf(context);
  const { queue = null } = (await schedules.get(id)) ?? {};
  return context.recorded(
    { action: `schedule.${verb}`, queue, subject: id },
    () => act(schedules),
    () => count,
  );
}

export function scheduleCommand(program: Command, action: Action): void {
  const schedule = program.command("schedule").description("writes, shows, runs and pauses cron schedules");

  schedule
    .command("ls")
    .alias("list")
    .option("--queue <queue>", "only schedules of this queue")
    .description("lists every schedule with its next and last run; exit 1 if no janitor runs them")
    .action(
      action<{ queue?: string }>(async (context, _args, { queue }) => {
        const schedules = await schedulesOf(context).list({ queue });
        context.out.list(schedules, SCHEDULE_COLUMNS);
        return (await sayWhatKeepsThem(context, schedules)) ? EXIT.failed : EXIT.ok;
      }),
    );

  schedule
    .command("show")
    .argument("<id>")
    .description("shows the definition, next and last run of one schedule")
    .action(
      action(async (context, [id = ""]) => show(context, found(await schedulesOf(context).get(id), id))),
    );

  const put = schedule
    .command("put")
    .argument("<id>", "creates a schedule, or replaces one and keeps the history of its runs")
    .argument("<queue>")
    .argument("<cron>", "five fields, or six with seconds first; @daily and the like; @every 30s")
    .argument("<type>", "task type")
    .argument("[payload]", "JSON, stored byte for byte (default: null)")
    .option("--time-zone <zone>", "IANA name, such as Europe/Berlin (default: UTC)")
    .option("--start-at <time>", "no occurrence before this time (2030-01-31T08:00:00Z)", parseTime)
    .option("--end-at <time>", "no occurrence after this time", parseTime)
    .option("--limit <n>", "stop after this many occurrences", parseWhole(1, 1_000_000_000))
    .option("--immediately", "run the first occurrence at once, if the schedule is new")
    .addOption(
      new Option(
        "--missed <policy>",
        "which missed occurrences to enqueue: none, one for all of them, or each one",
      ).choices(MISSED_POLICIES),
    )
    .addOption(
      new Option("--overlap <policy>", "skip: enqueue no task until the previous one has ended").choices(
        OVERLAP_POLICIES,
      ),
    )
    .option("--paused", "start paused, until the schedule is resumed")
    .addOption(new Option("--priority <priority>", "priority of its tasks").choices(PRIORITIES))
    .option("--max-retries <n>", "retries after the first attempt", parseWhole(0, LIMITS.maxRetries))
    .option("--timeout <duration>", "longest time of one attempt", parseDuration)
    .option("--expires-after <duration>", "a task expires this long after its time", parseDuration)
    .option("--tag <tag>", "a tag of its tasks; can be repeated", collect);
  uniqueOptions(keepOptions(put))
    .description("writes a schedule")
    .action(
      action<PutOptions>(async (context, [id = "", queue = "", cron = "", type = "", payload], options) => {
        const {
          timeZone,
          startAt,
          endAt,
          limit,
          immediately,
          missed,
          overlap,
          paused,
          priority,
          maxRetries,
          timeout,
          expiresAfter,
          tag,
        } = options;
        const keep = keepOf(options);
        const unique = uniqueOf(options);
        if (payload !== undefined) checkJson(payload, "the payload");
        const definition = {
          ...{ queue, cron, type },
          ...(payload === undefined ? {} : { payloadText: payload }),
          ...(timeZone === undefined ? {} : { timeZone }),
          ...(startAt === undefined ? {} : { startAt }),
          ...(endAt === undefined ? {} : { endAt }),
          ...(limit === undefined ? {} : { limit }),
          ...(immediately === undefined ? {} : { immediately }),
          ...(missed === undefined ? {} : { missed }),
          ...(overlap === undefined ? {} : { overlap }),
          ...(paused === undefined ? {} : { paused }),
          options: {
            ...(priority === undefined ? {} : { priority }),
            ...(maxRetries === undefined ? {} : { maxRetries }),
            ...(timeout === undefined ? {} : { timeoutMs: timeout }),
            ...(expiresAfter === undefined ? {} : { expiresAfterMs: expiresAfter }),
            ...(tag === undefined ? {} : { tags: tag }),
            ...(keep === undefined ? {} : { keep }),
            ...(unique === undefined ? {} : { unique }),
          },
        };
        await context.warnOfNewQueue(queue, "the first run");
        const mutation = { action: "schedule.put", queue, subject: id } as const;
        const written = await context.recorded(mutation, () => schedulesOf(context).put(id, definition));
        show(context, written);
        await sayWhatKeepsThem(context, [written]);
      }),
    );

  schedule
    .command("rm")
    .argument("<id>")
    .description("deletes a schedule; its enqueued tasks stay")
    .action(
      action(async (context, [id = ""]) => {
        await changed(context, "delete", id, async (schedules) => {
          if (!(await schedules.delete(id))) found(null, id);
        });
        context.out.record({ id, deleted: true }, [[id, "deleted"]]);
      }),
    );

  schedule
    .command("run")
    .argument("<id>")
    .description("enqueues the task of a schedule now; its occurrences stay as they are")
    .action(
      action(async (context, [id = ""]) => {
        const run = await changed(context, "run", id, (schedules) => schedules.run(id), 1);
        context.out.record(run, [
          ["task", run.taskId],
          ["queue", run.queue],
        ]);
      }),
    );

  for (const name of ["pause", "resume"] as const) {
    schedule
      .command(name)
      .argument("<id>")
      .description(
        name === "pause" ? "skips occurrences until it is resumed" : "continues with the next occurrence",
      )
      .action(
        action(async (context, [id = ""]) =>
          show(context, await changed(context, name, id, (schedules) => schedules[name](id))),
        ),
      );
  }

  schedule
    .command("preview")
    .argument("<cron>")
    .option("--time-zone <zone>", "IANA name", "UTC")
    .description("shows an expression in words and its next five times; needs no Redis")
    .action(
      action<{ timeZone: string }>(async (context, [cron = ""], { timeZone }) => {
        const preview = Schedules.preview(cron, timeZone);
        context.out.record(preview, [
          ["words", preview.words],
          ...preview.nextRuns.map((at, index) => [`run ${index + 1}`, time(at)] as const),
        ]);
      }),
    );
}

import type { Action, Command, Context } from "../context.ts";
import { EXIT, type ExitCode, messageOf, UsageError } from "../exit.ts";
import { frameLines, plainLines, type Sight } from "../top/frame.ts";
import { RateWatch } from "../top/rates.ts";
import { Screen } from "../top/screen.ts";
import { parseDuration, parseWhole } from "../values.ts";

interface TopOptions {
  interval: number;
  count?: number;
}

const CTRL_C = "\u0003";

export function topCommand(program: Command, action: Action): void {
  program
    .command("top")
    .option("--interval <duration>", "time between two updates", parseDuration, 1_000)
    .option("--count <n>", "exit after this many updates", parseWhole(1, 1_000_000))
    .description("shows queues and workers live; q quits; prints plain lines if the output is not a terminal")
    .action(
      action<TopOptions>(async (context, _args, options) => {
        if (options.interval < 100) throw new UsageError("--interval has to be 100ms or more");
        // If Redis cannot be reached at the start, the command fails. If that happens later, it shows the error and
        // tries again.
        await context.observer();
        const isLive = Boolean(context.io.stdout.isTTY) && context.out.format === "table";
        return isLive ? showLive(context, options) : printLines(context, options);
      }),
    );
}

async function showLive(context: Context, options: TopOptions): Promise<ExitCode> {
  const { io } = context;
  const quit = new AbortController();
  let last: Sight | undefined;
  const draw = () => last && screen.draw(frameLines(last, ...screen.size));
  const screen = new Screen(io.stdin, io.stdout, (key) => {
    if (key === "q" || key === "Q" || key === CTRL_C) quit.abort();
  });
  screen.enter();
  io.stdout.on("resize", draw);
  try {
    await eachLook(context, options, AbortSignal.any([io.signal, quit.signal]), (sight) => {
      last = sight;
      draw();
    });
  } finally {
    io.stdout.off("resize", draw);
    screen.leave();
  }
  return EXIT.ok;
}

async function printLines(context: Context, options: TopOptions): Promise<ExitCode> {
  const { out, io } = context;
  await eachLook(context, options, io.signal, (sight) => {
    if (out.format === "table") for (const line of plainLines(sight)) out.line(line);
    else out.json({ ...sight, rates: Object.fromEntries(sight.rates) });
  });
  return EXIT.ok;
}

/** Updates now and once per `interval`, until the signal aborts, the count is reached, or nobody reads. */
async function eachLook(
  context: Context,
  { interval, count = Number.POSITIVE_INFINITY }: TopOptions,
  signal: AbortSignal,
  show: (sight: Sight) => void,
): Promise<void> {
  const watch = new RateWatch();
  const over = aborted(signal);
  let seen: Sight | undefined;
  for (let looks = 1; !signal.aborted; looks++) {
    const nextMs = performance.now() + interval;
    // An update may have to wait for Redis, but the user can quit at once.
    const sight = await Promise.race([look(context, watch, seen), over]);
    if (sight === null) return;
    seen = sight;
    show(sight);
    if (looks >= count || context.io.stdout.destroyed || !context.io.stdout.writable) return;
    await pause(nextMs - performance.now(), signal);
  }
}

async function look(context: Context, watch: RateWatch, before: Sight | undefined): Promise<Sight> {
  try {
    const observer = await context.observer();
    const [queues, workers] = await Promise.all([observer.snapshot(), observer.workers()]);
    return { where: context.where, at: Date.now(), queues, rates: watch.next(queues), workers, error: null };
  } catch (error) {
    const old = before ?? { queues: [], rates: new Map(), workers: [] };
    return { ...old, where: context.where, at: Date.now(), error: messageOf(error) };
  }
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal.addEventListener("abort", end, { once: true });
  });
}

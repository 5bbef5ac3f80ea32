import { assertDemoLoad, LIMITS } from "@holdfast/contracts";
import { type HoldfastError, type NewTask, Queue } from "holdfast";
import { type Action, type Command, InvalidArgumentError } from "../context.ts";
import { EXIT } from "../exit.ts";
import { parseFraction, parseWhole } from "../values.ts";

interface BurstOptions {
  tasks: number;
  failRate: number;
  type: string;
}

/** Accepts only demo tasks, so that a burst cannot send ten thousand real e-mails. */
function parseDemoType(text: string): string {
  if (!/^demo\.[a-z]+$/.test(text))
    throw new InvalidArgumentError("It has to be a demo type, such as demo.sleep.");
  return text;
}

export function burstCommand(program: Command, action: Action): void {
  program
    .command("burst")
    .argument("<queue>")
    .option("--tasks <n>", "how many, 1 to 1000000", parseWhole(1, 1_000_000), 10_000)
    .option("--fail-rate <share>", "probability that an attempt fails, 0 to 1", parseFraction, 0.2)
    .option("--type <type>", "type of the tasks, such as demo.sleep", parseDemoType, "demo.flaky")
    .description("enqueues many demo tasks at once; refused unless ENVIRONMENT is empty or development")
    .action(
      action<BurstOptions>(async (context, [queue = ""], { tasks, failRate, type }) => {
        assertDemoLoad(context.io.env.ENVIRONMENT);
        await context.warnOfNewQueue(queue);
        const producer = new Queue(queue, { client: context.client });
        const startedMs = performance.now();
        let enqueued = 0;
        let refusal: HoldfastError | undefined;
        const send = async () => {
          while (enqueued < tasks && refusal === undefined && !context.io.signal.aborted) {
            const chunk: NewTask[] = Array.from(
              { length: Math.min(LIMITS.scriptTasks, tasks - enqueued) },
              (_, i) => ({
                type,
                payload: { n: enqueued + i, failRate },
              }),
            );
            for (const result of await producer.enqueueMany(chunk)) {
              if (result.ok) enqueued++;
              else refusal ??= result.error;
            }
          }
        };
        await context.recorded({ action: "queue.burst", queue }, send, () => ({
          count: enqueued,
          code: refusal?.code ?? null,
          interrupted: enqueued < tasks,
        }));
        await producer.close();
        const seconds = (performance.now() - startedMs) / 1_000;
        const perSecond = Math.round(enqueued / seconds);
        context.out.record({ queue, enqueued, seconds, perSecond }, [
          ["enqueued", enqueued],
          ["seconds", seconds.toFixed(2)],
          ["per second", perSecond],
        ]);
        if (enqueued === tasks) return EXIT.ok;
        context.out.say(
          `holdfast: stopped after ${enqueued} of ${tasks}: ${refusal?.message ?? "interrupted"}`,
        );
        return EXIT.failed;
      }),
    );
}

import type { Meaning } from "@holdfast/service/webhooks";
import { type HandlerContext, type Handlers, type HandlerTask, Worker, type WorkerOptions } from "holdfast";
import type { Endpoint } from "./endpoints-file.ts";
import { conclude, reportOf } from "./reports.ts";
import { endAttempt, type Sender } from "./sender.ts";

/** Thrown to leave a step without storing its result, if the answer ends the attempt. */
class Answered extends Error {
  readonly meaning: Exclude<Meaning, { outcome: "later" }>;

  constructor(meaning: Exclude<Meaning, { outcome: "later" }>) {
    super(`answered: ${meaning.outcome}`);
    this.meaning = meaning;
  }
}

/**
 * Makes the worker of an endpoint. Its handler sends each task to the endpoint. An answer of 202 means "later": the
 * task is suspended until the endpoint reports its end.
 */
export function endpointWorker(
  endpoint: Endpoint,
  sender: Sender,
  options: Pick<WorkerOptions, "redis" | "prefix" | "onScript" | "tracing" | "version" | "leaseMs">,
): Worker {
  const handler = async (task: HandlerTask, ctx: HandlerContext) => {
    const send = async (): Promise<string> => {
      const meaning = await sender.send(endpoint, task.id, requestBody(task, ctx), ctx);
      if (meaning.outcome !== "later") throw new Answered(meaning);
      return ctx.token;
    };
    try {
      // In each turn of this loop, one request was answered with 202 and then reported. The first turns may come from
      // earlier attempts, whose steps are stored.
      for (;;) {
        const token = await ctx.step("answered 202", send);
        const report = await reportOf(endpoint, token, ctx);
        let isNew = false;
        await ctx.step("report read", () => {
          isNew = true;
        });
        if (isNew) return conclude(report, endpoint);
      }
    } catch (error) {
      if (error instanceof Answered) return endAttempt(error.meaning, "type");
      throw error;
    }
  };
  const { maxRetries, backoff } = endpoint;
  const handlers: Handlers = Object.fromEntries(
    endpoint.types.map((type) => [type, { handler, maxRetries, backoff }]),
  );
  return new Worker(endpoint.queue, handlers, { ...options, concurrency: endpoint.concurrency });
}

/** The body of the request. The payload keeps the bytes with which it was enqueued. */
function requestBody(task: HandlerTask, ctx: Pick<HandlerContext, "token">): string {
  const { id, queue, type, attempt, enqueuedAt, tags } = task;
  const head = JSON.stringify({ id, queue, type, attempt, token: ctx.token, enqueuedAt, tags });
  return `${head.slice(0, -1)},"payload":${task.payloadText}}`;
}

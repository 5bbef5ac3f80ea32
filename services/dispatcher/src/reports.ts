import { FatalError, HoldfastError, Postpone, TERMINAL_STATES } from "@holdfast/contracts";
import { type HandlerContext, type Holdfast, Observer, Queue } from "holdfast";
import type { Endpoint } from "./endpoints-file.ts";

/** An endpoint that answered 202 reports with this how its task ended, or when to run it again. */
export type Report =
  | { verdict: "completed"; result?: unknown }
  | { verdict: "failed" | "fatal"; error?: string | undefined }
  | { verdict: "postpone"; delayMs: number };

export const VERDICTS = ["completed", "failed", "fatal", "postpone"] as const;

/** The name under which the page of a task shows that it waits for a report. */
const waitName = (token: string) => `report ${token}`;

/** The event of a report. It contains the token, so a report about an earlier request has no effect. */
const eventOf = (endpoint: string, token: string, verdict: string) => `${endpoint}/${token}/${verdict}`;

/**
 * Suspends the task until its endpoint reports its end. A suspended task occupies no slot and no lease.
 * @param token the token that was sent with the task
 * @returns null if no report came in time
 */
export async function reportOf(
  endpoint: Endpoint,
  token: string,
  ctx: Pick<HandlerContext, "waitFor">,
): Promise<Report | null> {
  const events = VERDICTS.map((verdict) => eventOf(endpoint.name, token, verdict));
  const options = { timeoutMs: endpoint.laterMs, name: waitName(token) };
  const signal = await ctx.waitFor(events, options);
  if (signal === null) return null;
  const verdict = signal.event.slice(signal.event.lastIndexOf("/") + 1);
  switch (verdict) {
    case "completed":
      return { verdict, result: signal.data };
    case "postpone":
      return { verdict, delayMs: Number(signal.data) };
    default:
      return { verdict: verdict as "failed" | "fatal", error: signal.data as string | undefined };
  }
}

/**
 * Delivers the reports of endpoints to their tasks. Any dispatcher can do that, even if another one sent the request.
 */
export class Reports {
  readonly #observer: Observer;
  readonly #queues: Map<string, Queue>;

  constructor(endpoints: readonly Endpoint[], client: Holdfast) {
    this.#observer = new Observer({ client });
    this.#queues = new Map(endpoints.map(({ queue }) => [queue, new Queue(queue, { client })]));
  }

  /** @throws HoldfastError task_not_found; conflict if the token is not the current one, or was used already */
  async deliver({ name, queue: queueName }: Endpoint, id: string, token: string, report: Report) {
    const queue = this.#queues.get(queueName);
    const task = await queue?.get(id);
    if (!queue || !task) throw ended(id);
    const { wait, events } = await this.#readReports(queueName, name, id, token);
    const isSent = task.state === "processing" && token.startsWith(`${task.fence}.`);
    const { verdict, ...rest } = report;
    if ((wait === "open" || isSent) && events.length === 0) {
      const event = eventOf(name, token, verdict);
      const outcome = await queue.signal(id, event, Object.values(rest)[0]);
      if (outcome === "delivered") return;
      // The task was not suspended. Either its attempt still runs, or another report came in between.
      if (outcome === "kept" && (await this.#counts(queueName, name, id, token, event))) return;
    }
    const now = await queue.get(id);
    if (!now || (TERMINAL_STATES as readonly string[]).includes(now.state)) throw ended(id);
    throw new HoldfastError(
      "conflict",
      `the token does not belong to the current attempt of task ${id}, or a report with this token was accepted already`,
      { taskId: id },
    );
  }

  /** Returns how the wait for the report goes, and the events of the reports that the task has not read yet. */
  async #readReports(queue: string, endpoint: string, id: string, token: string) {
    const { steps = [], signals = [] } = (await this.#observer.steps(queue, id)) ?? {};
    const wait = steps.find((step) => step.kind === "wait" && step.name === waitName(token));
    const events = signals
      .map(({ event }) => event)
      .filter((event) => event.startsWith(eventOf(endpoint, token, "")));
    return { wait: wait?.outcome, events };
  }

  /** Returns false if the task waits for a report, and another kept report than this one comes first. */
  async #counts(queue: string, endpoint: string, id: string, token: string, event: string): Promise<boolean> {
    const { wait, events } = await this.#readReports(queue, endpoint, id, token);
    const isRead = wait !== undefined && wait !== "open";
    return isRead || events.length === 0 || events[0] === event;
  }
}

const ended = (taskId: string) =>
  new HoldfastError("task_not_found", `task ${taskId} has ended or never existed`, { taskId });

/**
 * Ends the attempt of a handler as its endpoint has reported.
 * @param report null if no report came in time
 * @returns the result of the task @throws the error that tells the worker to retry or give up
 */
export function conclude(report: Report | null, { laterMs }: Pick<Endpoint, "laterMs">): unknown {
  if (report === null) throw new Error(`the endpoint answered 202, but reported no end within ${laterMs} ms`);
  switch (report.verdict) {
    case "completed":
      return report.result;
    case "postpone":
      throw new Postpone(report.delayMs);
    case "fatal":
      throw new FatalError(report.error ?? "the endpoint gave up the task");
    default:
      throw new Error(report.error ?? "the endpoint reported a failure");
  }
}

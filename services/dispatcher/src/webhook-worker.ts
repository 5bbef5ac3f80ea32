import { FatalError, Postpone } from "@holdfast/contracts";
import { type HandlerContext, type HandlerTask, Worker, type WorkerOptions } from "holdfast";
import type { Endpoints } from "./endpoints-file.ts";
import { endAttempt, type Sender } from "./sender.ts";
import { DELIVER, type WebhookEvents } from "./webhook-events.ts";

// How long a task waits if this dispatcher does not know its webhook, ms. Another dispatcher may have a newer file, for
// example during a rolling restart.
const UNKNOWN_WEBHOOK_MS = 60_000;

/** Makes the worker that sends events to webhooks. */
export function webhookWorker(
  { webhooks, webhookQueue, webhookConcurrency }: Endpoints,
  { sender, events }: { sender: Sender; events: WebhookEvents },
  options: Pick<WorkerOptions, "redis" | "prefix" | "onScript" | "tracing" | "version" | "leaseMs">,
): { worker: Worker; queues: string[]; types: string[] } {
  const byName = new Map(webhooks.map((webhook) => [webhook.name, webhook]));
  const handler = async (task: HandlerTask, ctx: HandlerContext) => {
    const [name = ""] = task.tags;
    const webhook = byName.get(name);
    if (!webhook) throw new Postpone(UNKNOWN_WEBHOOK_MS, `this dispatcher has no webhook "${name}"`);
    if (events.isDisabled(name))
      throw new FatalError(
        `the webhook ${name} has answered 410, so this dispatcher sends no more events to it; a restart of the dispatcher tries it again`,
      );
    const meaning = await sender.send(webhook, task.id, task.payloadText, ctx);
    if (meaning.outcome === "gone") events.disable(name);
    // For a webhook, 202 means the same as any other 2xx, because nobody waits for a later report.
    return meaning.outcome === "later" ? undefined : endAttempt(meaning, "key");
  };
  const worker = new Worker(
    webhookQueue,
    { [DELIVER]: handler },
    { ...options, concurrency: webhookConcurrency },
  );
  return { worker, queues: [webhookQueue], types: [DELIVER] };
}

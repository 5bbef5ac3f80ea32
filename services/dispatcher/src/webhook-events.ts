import { createHash } from "node:crypto";
import type { Logger } from "@holdfast/service";
import { type Holdfast, HoldfastError, Queue, type TaskEvent, type TaskOptions } from "holdfast";
import { systemKeys } from "holdfast/operate";
import type { Endpoints, Webhook } from "./endpoints-file.ts";
import { EventFollower } from "./event-follower.ts";
import type { DispatcherMetrics } from "./metrics.ts";

/** The type of the tasks that carry events to webhooks. */
export const DELIVER = "webhook.deliver";

/** The names in `on`, each with the type of the event. */
const TYPES = { completed: "completed", dead: "dead", "flow.ended": "flow_ended" } as const;

export interface WebhookEventsOptions {
  client: Holdfast;
  metrics: DispatcherMetrics;
  logger: Logger;
}

/** Reads the events that webhooks ask for, and enqueues a task for each event. */
export class WebhookEvents {
  readonly #webhooks: Webhook[];
  readonly #queue: Queue;
  readonly #options: WebhookEventsOptions;
  readonly #followers = new Map<string, EventFollower[]>();
  readonly #disabled = new Set<string>();

  constructor(
    { webhooks, webhookQueue }: Pick<Endpoints, "webhooks" | "webhookQueue">,
    options: WebhookEventsOptions,
  ) {
    this.#webhooks = webhooks;
    this.#options = options;
    this.#queue = new Queue(webhookQueue, { client: options.client });
  }

  start(): void {
    const { client, metrics, logger } = this.#options;
    const cursors = new Cursors(client);
    for (const webhook of this.#webhooks) {
      metrics.beginWebhook(webhook.name, webhook.queues);
      const followers = webhook.queues.map(
        (name) =>
          new EventFollower({
            webhook: webhook.name,
            queue: new Queue(name, { client }),
            types: webhook.on.map((event) => TYPES[event]),
            cursor: cursors.of(webhook.name, name),
            take: (event) => this.#enqueue(webhook, event),
            metrics,
            logger,
          }),
      );
      this.#followers.set(webhook.name, followers);
      for (const follower of followers) follower.start();
    }
  }

  async stop(): Promise<void> {
    const followers = [...this.#followers.values()].flat();
    await Promise.all(followers.map((follower) => follower.stop()));
  }

  isDisabled(webhook: string): boolean {
    return this.#disabled.has(webhook);
  }

  /** Stops the events of a webhook until the next restart. Then they continue from the same place. */
  disable(webhook: string): void {
    if (this.#disabled.has(webhook)) return;
    this.#disabled.add(webhook);
    const { metrics, logger } = this.#options;
    metrics.disabled(webhook);
    logger.error(
      { webhook },
      "the webhook has answered 410, so it is disabled: remove it from ENDPOINTS_FILE, or restart the dispatcher to try it again",
    );
    for (const follower of this.#followers.get(webhook) ?? []) void follower.stop();
  }

  /**
   * Enqueues the task that sends an event. If an event is read twice, it is enqueued only once, because the task id
   * is made from the event.
   */
  async #enqueue(webhook: Webhook, event: TaskEvent): Promise<void> {
    const options: TaskOptions = {
      id: deliveryId(webhook.name, event),
      // A delivery that was given up runs again only if an operator replays it.
      ifEnded: "duplicate",
      key: webhook.name,
      tags: [webhook.name],
      maxRetries: webhook.maxRetries,
      backoff: webhook.backoff,
    };
    try {
      await this.#queue.enqueueText(DELIVER, webhookBody(event), options);
    } catch (error) {
      // This event was read before. Its body contained the result then, which has been removed since, so the bodies
      // differ.
      if (!(error instanceof HoldfastError && error.code === "task_conflict")) throw error;
    }
  }
}

/** The cursors of all webhooks, in one hash: `<webhook> <queue>` -> the last event that was enqueued. */
class Cursors {
  readonly #client: Holdfast;
  readonly #key: string;

  constructor(client: Holdfast) {
    this.#client = client;
    this.#key = systemKeys(client.prefix).webhookCursors;
  }

  of(webhook: string, queue: string) {
    const { connection } = this.#client;
    const field = `${webhook} ${queue}`;
    return {
      read: () => connection.command<string | null>("HGET", this.#key, field),
      write: async (cursor: string) => {
        await connection.command("HSET", this.#key, field, cursor);
      },
    };
  }
}

function deliveryId(webhook: string, { queue, type, id, at }: TaskEvent): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([webhook, queue, type, id, at]))
    .digest("base64url");
  return `${webhook}.${digest.slice(0, 32)}`;
}

/** The body of a webhook. The result keeps the bytes that the handler returned. */
function webhookBody({ type, at, queue, id, reason, outcome, resultText }: TaskEvent): string {
  // A field that is undefined is left out.
  const data = JSON.stringify({ queue, id, reason, outcome });
  const whole = resultText === undefined ? data : `${data.slice(0, -1)},"result":${resultText}}`;
  const head = JSON.stringify({
    type: type === TYPES["flow.ended"] ? "flow.ended" : `task.${type}`,
    timestamp: new Date(at).toISOString(),
  });
  return `${head.slice(0, -1)},"data":${whole}}`;
}

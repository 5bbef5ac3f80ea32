import { FatalError, RateLimited } from "holdfast";

/**
 * The limits of each provider. The name of a provider is the key of its tasks, so the limits of that key apply to
 * them.
 */
export const PROVIDERS = {
  quickmail: { rate: { limit: 20, periodMs: 1_000 }, concurrency: 5 },
  slowmail: { rate: { limit: 5, periodMs: 1_000 }, concurrency: 2 },
};

/**
 * The limits are stored in Redis, and apply to all workers together. If this function is called again, nothing
 * changes.
 */
export async function setLimits(queue, observer) {
  await queue.ready();
  for (const [provider, limit] of Object.entries(PROVIDERS))
    await observer.limits.setKey(queue.name, provider, limit);
}

/** Enqueues a mail. A repeated call with the same `id` stores no second task, so the mail is not sent twice. */
export function enqueueMail(queue, { id, provider, ...mail }) {
  return queue.enqueue("mail.send", { provider, ...mail }, { id, key: provider });
}

/** @param {Record<string, string>} urls the address of each provider */
export const handlersFor = (urls) => ({
  "mail.send": async ({ id, payload: { provider, ...mail } }, { signal }) => {
    const response = await fetch(urls[provider], {
      method: "POST",
      // If the answer of the provider was lost, the attempt is repeated. The provider recognises the key and sends no
      // second mail.
      headers: { "content-type": "application/json", "idempotency-key": id },
      body: JSON.stringify(mail),
      signal,
    });
    if (response.status === 429) {
      // This error holds back all mails of the provider, and the attempt does not count.
      throw new RateLimited(Number(response.headers.get("retry-after") ?? 1) * 1_000);
    }
    if (response.status === 400)
      throw new FatalError(`${provider} refused the mail: ${await response.text()}`);
    if (!response.ok) throw new Error(`${provider} answered ${response.status}`);
    return { sentBy: provider };
  },
});

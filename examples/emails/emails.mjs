import { FatalError, RateLimited } from "holdfast";

/** What each provider allows. The name of a provider is the key of its tasks, so that its limits apply to them. */
export const PROVIDERS = {
  quickmail: { rate: { limit: 20, periodMs: 1_000 }, concurrency: 5 },
  slowmail: { rate: { limit: 5, periodMs: 1_000 }, concurrency: 2 },
};

/** The limits are settings in Redis and apply to all workers together. A second call changes nothing. */
export async function setLimits(queue, observer) {
  await queue.ready();
  for (const [provider, limit] of Object.entries(PROVIDERS))
    await observer.limits.setKey(queue.name, provider, limit);
}

/** Enqueues a mail. The same `id` is the same mail, so a repeated call sends nothing twice. */
export function enqueueMail(queue, { id, provider, ...mail }) {
  return queue.enqueue("mail.send", { provider, ...mail }, { id, key: provider });
}

/** @param {Record<string, string>} urls the address of each provider */
export const handlersFor = (urls) => ({
  "mail.send": async ({ id, payload: { provider, ...mail } }, { signal }) => {
    const response = await fetch(urls[provider], {
      method: "POST",
      // An attempt whose answer was lost is repeated. The provider then knows the key, and sends no second mail.
      headers: { "content-type": "application/json", "idempotency-key": id },
      body: JSON.stringify(mail),
      signal,
    });
    if (response.status === 429) {
      // Holds all mails of this provider, and costs no attempt.
      throw new RateLimited(Number(response.headers.get("retry-after") ?? 1) * 1_000);
    }
    if (response.status === 400)
      throw new FatalError(`${provider} refused the mail: ${await response.text()}`);
    if (!response.ok) throw new Error(`${provider} answered ${response.status}`);
    return { sentBy: provider };
  },
});

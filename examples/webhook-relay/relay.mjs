import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { FatalError, HoldfastError, RateLimited } from "holdfast";

const MAX_BYTES = 100_000;

export const signatureOf = (secret, body) => createHmac("sha256", secret).update(body).digest("hex");

function isSigned(secret, body, signature) {
  const expected = Buffer.from(signatureOf(secret, body));
  const given = Buffer.from(String(signature));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * The server that receives webhooks. It answers 202 as soon as Redis has the tasks, so the sender does not wait for
 * the targets.
 * @param targets the names of the targets
 */
export function createIntake({ queue, secret, targets }) {
  return createServer(async (request, response) => {
    const answer = (status, text) => response.writeHead(status).end(text);
    try {
      const body = await bodyOf(request);
      if (body === null) return answer(413, "too large");
      const id = request.headers["webhook-id"];
      if (!isSigned(secret, body, request.headers["webhook-signature"]))
        return answer(401, "wrong signature");
      // If the sender gets no answer, it sends the webhook again with the same id. So the tasks are not stored twice.
      const tasks = targets.map((target) => ({
        type: "webhook.forward",
        payload: { target, body },
        id: `${target}:${id}`,
        key: target,
      }));
      for (const result of await queue.enqueueMany(tasks)) if (!result.ok) throw result.error;
      return answer(202, "accepted");
    } catch (error) {
      const isWrong = error instanceof HoldfastError && error.code.startsWith("invalid");
      return answer(isWrong ? 400 : 503, isWrong ? error.message : "try again later");
    }
  });
}

/** @param {Record<string, string>} urls the address of each target */
export const handlersFor = (urls) => ({
  "webhook.forward": async ({ id, payload: { target, body } }, { signal }) => {
    const response = await fetch(urls[target], {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": id },
      body,
      redirect: "error",
      // A target that does not answer within 15 s counts as down.
      signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
    });
    const { status } = response;
    if (response.ok) return { status };
    const seconds = Number(response.headers.get("retry-after"));
    // This error holds back only the webhooks of this target, because the target is their key.
    if (status === 429 && seconds > 0) throw new RateLimited(seconds * 1_000);
    // The target has refused the request itself, so a retry would not help.
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      throw new FatalError(`${target} refused the webhook with ${status}`);
    throw new Error(`${target} answered ${status}`);
  },
});

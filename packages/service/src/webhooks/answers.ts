import { JsonText } from "holdfast";

/** The answer of an endpoint. */
export interface Answer {
  status: number;
  /** The header Retry-After. */
  retryAfter: string | undefined;
  contentType: string | undefined;
  /** Null if the body was too long, so that the rest was not read. */
  body: string | null;
}

/** What an answer means for the task. */
export type Meaning =
  | { outcome: "completed"; result: JsonText | undefined }
  | { outcome: "later" }
  | { outcome: "postponed"; delayMs: number }
  | { outcome: "fatal" | "gone" | "failed"; message: string };

/** Another attempt can help after these answers, although they begin with a 4. */
const RETRIED = new Set([408, 425, 429]);
const MAX_DELAY_MS = 86_400_000;
const SHOWN_CHARACTERS = 200;

/** Decides what an answer means for its task (docs/webhooks.md). */
export function meaningOf(answer: Answer, nowMs: number): Meaning {
  const { status } = answer;
  if (status === 202) return { outcome: "later" };
  if (status >= 200 && status < 300) return { outcome: "completed", result: resultOf(answer) };
  if (status === 429 || status === 503) {
    const delayMs = retryAfterMs(answer.retryAfter, nowMs);
    if (delayMs !== null) return { outcome: "postponed", delayMs };
  }
  if (status === 410) return { outcome: "gone", message: told(answer, "it is gone") };
  if (status >= 300 && status < 400)
    return { outcome: "failed", message: told(answer, "redirects are not followed: change the url") };
  if (status >= 400 && status < 500 && !RETRIED.has(status))
    return { outcome: "fatal", message: told(answer) };
  return { outcome: "failed", message: told(answer) };
}

/** Reads the header Retry-After: seconds or an HTTP date. Returns null if there is none, or if it is neither. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | null {
  if (text === undefined) return null;
  // Only texts that begin with a weekday are parsed as dates, because Date.parse also accepts texts such as "-5".
  const dateMs = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) - nowMs : Number.NaN;
  const delayMs = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : dateMs;
  return Number.isNaN(delayMs) ? null : Math.min(MAX_DELAY_MS, Math.max(1, delayMs));
}

/** A JSON body becomes the result. Any other body is ignored: the status already says that the work is done. */
function resultOf({ body, contentType }: Answer): JsonText | undefined {
  if (body === null || body === "" || !/^application\/(.+\+)?json\b/i.test(contentType ?? ""))
    return undefined;
  try {
    return new JsonText(body);
  } catch {
    return undefined;
  }
}

function told({ status, body }: Answer, reason?: string): string {
  const text = (body ?? "").replaceAll(/\s+/g, " ").trim().slice(0, SHOWN_CHARACTERS);
  return [`the endpoint answered ${status}`, reason, text].filter(Boolean).join(": ");
}

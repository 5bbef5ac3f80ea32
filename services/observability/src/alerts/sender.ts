import type { AlertNotification } from "@holdfast/contracts";
import type { Meaning, Poster } from "@holdfast/service/webhooks";
import type { StoredTarget } from "holdfast/operate";
import { type AlertSource, slackBody, webhookBody } from "./message.ts";

/** The setting that names the hosts with private addresses to which alerts may be sent. */
const PRIVATE_SETTING = "ALERT_PRIVATE_HOSTS";
const TIMEOUT_MS = 10_000;
const SHOWN_CHARACTERS = 200;

/** The code that sends is loaded with the first alert, because most processes never send one. */
const loadWebhooks = () => import("@holdfast/service/webhooks");

export interface SenderOptions {
  source: AlertSource;
  /** Hosts, as `name` or `name:port`, whose addresses do not have to be public. */
  privateHosts: readonly string[];
  /** How long one request may take, ms. @default 10,000 */
  timeoutMs?: number | undefined;
}

/** How an attempt ended. */
export interface Attempt {
  outcome: "delivered" | "retry" | "failed";
  /** The answer of the target, or the reason why there was none. It contains neither the URL nor a secret. */
  answer: string;
  /** How long the target asked to wait before the next attempt, ms. */
  delayMs?: number;
}

/** Sends one message to one target. */
export class AlertSender {
  readonly #options: SenderOptions;
  #poster: Promise<Poster> | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Returns what is wrong with the URL or the secrets of a target; undefined if nothing is. */
  async problemOf({
    kind,
    url: text,
    secrets,
  }: Pick<StoredTarget, "kind" | "url" | "secrets">): Promise<
    { field: string; message: string } | undefined
  > {
    const { urlProblem, readSecret } = await loadWebhooks();
    if (!URL.canParse(text))
      return { field: "url", message: "url has to be a URL, such as https://example.com/alerts" };
    const url = new URL(text);
    const problem = urlProblem(url, this.#isPrivate(url), PRIVATE_SETTING);
    if (problem !== undefined) return { field: "url", message: `url ${problem}` };
    if (kind === "slack") {
      return secrets.length === 0
        ? undefined
        : { field: "secrets", message: "a Slack target has no secrets: its URL is the secret" };
    }
    if (secrets.length === 0)
      return { field: "secrets", message: "a webhook needs a secret, because its messages are signed" };
    const wrong = secrets.findIndex((secret) => readSecret(secret) === null);
    return wrong === -1
      ? undefined
      : { field: `secrets/${wrong}`, message: "a secret has to be whsec_ and 24 to 64 bytes in base64" };
  }

  async send(
    { id, message }: AlertNotification,
    target: StoredTarget,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const problem = await this.problemOf(target);
    if (problem) return { outcome: "failed", answer: problem.message };
    const { Poster, meaningOf, readSecret, sign } = await loadWebhooks();
    this.#poster ??= Promise.resolve(
      new Poster({ userAgent: "holdfast-alerts", privateSetting: PRIVATE_SETTING }),
    );
    const { source, timeoutMs = TIMEOUT_MS } = this.#options;
    const body = Buffer.from(
      target.kind === "slack" ? slackBody(message, source) : webhookBody(message, source),
    );
    const keys = target.secrets.map(readSecret).filter((key) => key !== null);
    const url = new URL(target.url);
    try {
      const answer = await (await this.#poster).post(
        { url, allowPrivate: this.#isPrivate(url), timeoutMs },
        target.kind === "slack" ? {} : { ...sign(keys, id, body, nowMs) },
        body,
        signal,
      );
      const shown = [String(answer.status), textOf(answer.body)].filter(Boolean).join(": ");
      return { ...attemptOf(meaningOf(answer, nowMs)), answer: shown };
    } catch (error) {
      return { outcome: "retry", answer: reasonOf(error) };
    }
  }

  #isPrivate({ host, hostname }: URL): boolean {
    return this.#options.privateHosts.some((name) => name === host || name === hostname);
  }

  async close(): Promise<void> {
    await (await this.#poster)?.close();
  }
}

function attemptOf(meaning: Meaning): Pick<Attempt, "outcome" | "delayMs"> {
  switch (meaning.outcome) {
    case "completed":
    case "later":
      return { outcome: "delivered" };
    case "postponed":
      return { outcome: "retry", delayMs: meaning.delayMs };
    case "failed":
      return { outcome: "retry" };
    default:
      return { outcome: "failed" };
  }
}

const textOf = (body: string | null) =>
  (body ?? "").replaceAll(/\s+/g, " ").trim().slice(0, SHOWN_CHARACTERS);

/** If several addresses were tried, the message of the error is empty, and `errors` has one error for each address. */
function reasonOf(error: unknown): string {
  const { message, errors, code } = error as Error & { errors?: Error[]; code?: string };
  return (message || errors?.[0]?.message || code || "no connection").slice(0, SHOWN_CHARACTERS);
}

import { createHmac, timingSafeEqual } from "node:crypto";

/** A secret of Standard Webhooks is this prefix and 24 to 64 bytes in base64. */
const PREFIX = "whsec_";
const MIN_BYTES = 24;
const MAX_BYTES = 64;
/** How old the timestamp of a signed request may be, or how far in the future, seconds. */
const TOLERANCE_SECONDS = 300;

/** A key that signs and verifies. Its bytes are private, so no log or error can contain them. */
export class SigningKey {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Returns the signature of these bytes: HMAC-SHA256. */
  digest(content: Buffer): Buffer {
    return createHmac("sha256", this.#bytes).update(content).digest();
  }
}

/** Reads `whsec_<base64>`. Returns null if the text is not such a secret. */
export function readSecret(text: string): SigningKey | null {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : "";
  const bytes = Buffer.from(encoded, "base64");
  // Buffer.from skips characters that are not base64. So the decoded bytes are encoded again and compared with the
  // text.
  const isWhole = bytes.toString("base64").replaceAll("=", "") === encoded.replaceAll("=", "");
  return isWhole && bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES ? new SigningKey(bytes) : null;
}

export interface SignedHeaders {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
}

const contentOf = (id: string, timestamp: string, body: Buffer) =>
  Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);

/** Signs a body with each key, as Standard Webhooks says. Receivers accept any one of the signatures. */
export function sign(keys: readonly SigningKey[], id: string, body: Buffer, nowMs: number): SignedHeaders {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const content = contentOf(id, timestamp, body);
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": keys.map((key) => `v1,${key.digest(content).toString("base64")}`).join(" "),
  };
}

/** Returns what is wrong with a signed request; null if nothing is. */
export function signatureProblem(
  keys: readonly SigningKey[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Buffer,
  nowMs: number,
): string | null {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": given } = headers;
  if (typeof id !== "string" || typeof timestamp !== "string" || typeof given !== "string")
    return "the request lacks webhook-id, webhook-timestamp or webhook-signature";
  if (!/^\d{1,12}$/.test(timestamp)) return "webhook-timestamp has to be in seconds since the epoch";
  if (Math.abs(nowMs / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS)
    return `webhook-timestamp differs by more than ${TOLERANCE_SECONDS} s from the time of this service`;
  const content = contentOf(id, timestamp, body);
  const signatures = given
    .split(" ")
    .filter((signature) => signature.startsWith("v1,"))
    .map((signature) => Buffer.from(signature.slice(3), "base64"));
  // Every key is tried with every signature, so that the time does not reveal which of them fits.
  let isValid = false;
  for (const key of keys) {
    const expected = key.digest(content);
    for (const signature of signatures)
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isValid = true;
  }
  return isValid
    ? null
    : "webhook-signature does not fit: sign id.timestamp.body with the secret of this endpoint";
}

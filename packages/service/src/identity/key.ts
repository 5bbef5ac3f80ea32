import { createHash, timingSafeEqual } from "node:crypto";
import {
  type ApiKey,
  HoldfastError,
  isApiKey,
  isKeyLabel,
  isQueueName,
  MAX_KEY_QUEUES,
  SCOPES,
  type Scope,
} from "@holdfast/contracts";
import { customAlphabet } from "nanoid";

export interface NewKey {
  /** The name of the holder of the key: 1 to 64 characters. */
  label: string;
  scopes: readonly Scope[];
  /** The queues that the key may use, at most 100. @default all */
  queues?: readonly string[] | null | undefined;
  /** Ms since the epoch. @default never */
  expiresAt?: number | null | undefined;
}

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";
const mintId = customAlphabet(DIGITS, 12);
// 43 random characters from an alphabet of 62 have 256 bits. Nobody can guess that, so a plain SHA-256 is a safe
// hash.
const mintSecret = customAlphabet(`${DIGITS}ABCDEFGHIJKLMNOPQRSTUVWXYZ`, 43);
const TEXT = /^hf_([0-9a-z]{12})_[0-9A-Za-z]{43}$/;

/**
 * Makes a key. Give the text to its holder and store only the key, which does not reveal the text.
 * @throws HoldfastError invalid_argument, invalid_queue_name
 */
export function mintKey(spec: NewKey, nowMs = Date.now()): { key: ApiKey; text: string } {
  const { label, scopes, queues = null, expiresAt = null } = spec;
  if (!isKeyLabel(label)) {
    throw new HoldfastError(
      "invalid_argument",
      "the label of a key has 1 to 64 characters, no control characters and no space at its ends",
    );
  }
  if (scopes.length === 0) {
    throw new HoldfastError("invalid_argument", `scopes has to name at least one of ${SCOPES.join(", ")}`);
  }
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) {
      throw new HoldfastError(
        "invalid_argument",
        `"${scope}" is not a valid scope: use ${SCOPES.join(", ")}`,
      );
    }
  }
  if (queues && (queues.length === 0 || queues.length > MAX_KEY_QUEUES)) {
    throw new HoldfastError(
      "invalid_argument",
      `queues has to name 1 to ${MAX_KEY_QUEUES} queues, or be left out to allow all queues`,
    );
  }
  const wrong = queues?.find((queue) => !isQueueName(queue));
  if (wrong !== undefined)
    throw new HoldfastError("invalid_queue_name", `"${wrong}" is not a valid queue name`);
  if (expiresAt !== null && !(Number.isSafeInteger(expiresAt) && expiresAt > nowMs)) {
    throw new HoldfastError("invalid_argument", "a key has to expire in the future");
  }
  const id = mintId();
  const text = `hf_${id}_${mintSecret()}`;
  return {
    text,
    key: {
      id,
      label,
      scopes: SCOPES.filter((scope) => scopes.includes(scope)),
      queues: queues ? [...new Set(queues)] : null,
      createdAt: nowMs,
      expiresAt,
      sha256: hashOf(text).toString("hex"),
    },
  };
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Returns the id in the text of a key, or null if the text is not a key. */
export function keyIdOf(text: string): string | null {
  return TEXT.exec(text)?.[1] ?? null;
}

const DUMMY = Buffer.alloc(32);

/**
 * Whether this is the text of the key. Without a key, the check takes just as long, so that its time does not reveal
 * which ids exist. The hashes are compared in constant time.
 */
export function isTextOf(text: string, key: Pick<ApiKey, "sha256"> | undefined): boolean {
  const expected = key === undefined ? DUMMY : Buffer.from(key.sha256, "hex");
  return timingSafeEqual(hashOf(text), expected) && key !== undefined;
}

export function viewOfKey<K extends ApiKey>({ sha256: _, ...view }: K): Omit<K, "sha256"> {
  return view;
}

/** Checks a key that was read from a file or from Redis. @throws HoldfastError invalid_argument */
export function readKey(value: unknown, where: string): ApiKey {
  if (isApiKey(value)) {
    const { id, label, scopes, queues, createdAt, expiresAt, sha256 } = value;
    return { id, label, scopes, queues, createdAt, expiresAt, sha256 };
  }
  throw new HoldfastError(
    "invalid_argument",
    `${where} is not a valid key: make one with "holdfast key create"`,
  );
}

import { createHash } from "node:crypto";
import { customAlphabet } from "nanoid";

/** The record of an API key as the services store it. It has the hash of the key, not the key itself. */
export interface ApiKeyRecord {
  id: string;
  label: string;
  scopes: string[];
  queues: string[] | null;
  /** Milliseconds since 1970. */
  createdAt: number;
  expiresAt: number | null;
  /** The SHA-256 hash of the whole text of the key, in hex. */
  sha256: string;
}

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";
const newId = customAlphabet(DIGITS, 12);
// The same form as `holdfast key create` makes. 43 random characters from an alphabet of 62 have 256 bits.
const newSecret = customAlphabet(`${DIGITS}ABCDEFGHIJKLMNOPQRSTUVWXYZ`, 43);

/** Makes a key text: `hf_<id>_<secret>`. */
export function newKeyText(): string {
  return `hf_${newId()}_${newSecret()}`;
}

/** Returns the record for a key text. @throws RangeError if the text does not have the form of a key */
export function recordOf(
  text: string,
  { label, scopes }: Pick<ApiKeyRecord, "label" | "scopes">,
  createdAt: number,
): ApiKeyRecord {
  const id = /^hf_([0-9a-z]{12})_[0-9A-Za-z]{43}$/.exec(text)?.[1];
  if (id === undefined) throw new RangeError(`the ${label} key is not of the form hf_<id>_<secret>`);
  return {
    id,
    label,
    scopes,
    queues: null,
    createdAt,
    expiresAt: null,
    sha256: createHash("sha256").update(text).digest("hex"),
  };
}

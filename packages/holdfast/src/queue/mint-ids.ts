import { randomFillSync } from "node:crypto";

// 14 characters have 84 random bits. Together with the header that Redis adds, they just fit into a block of 16 bytes
// (docs/adr/what-makes-it-fast.md).
export const MINTED_CHARACTERS = 14;
// 21 random bytes give 28 characters of base64url, which is the alphabet of nanoid. That makes two ids.
const PAIR_BYTES = 21;
const POOL_PAIRS = 256;
// An id is a slice of a text of 64 ids. So an id that is kept for long keeps the whole text in memory, about 1 KiB.
const TEXT_PAIRS = 32;

/**
 * Changes random bytes so that no id begins with "-", because a command line would read such an id as an option. The
 * first six bits of an id are its first character, and "-" has the bits 111110.
 */
function withoutDashes(bytes: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at += PAIR_BYTES) {
    const first = bytes[at] as number;
    if (first >> 2 === 62) bytes[at] = first ^ 0x80;
    // The second id begins in the middle of byte 10.
    const second = bytes[at + 10] as number;
    if ((second & 15) === 15 && (bytes[at + 11] as number) >> 6 === 2) bytes[at + 10] = second ^ 8;
  }
}

/**
 * Mints ids of 14 characters, many at a time, because that is ten times as fast as nanoid, which loops over the
 * characters.
 */
export function idMint(): () => string {
  const bytes = Buffer.allocUnsafeSlow(POOL_PAIRS * PAIR_BYTES);
  let used = bytes.length;
  let text = "";
  let at = 0;
  return () => {
    if (at === text.length) {
      if (used === bytes.length) {
        randomFillSync(bytes);
        withoutDashes(bytes, 0, bytes.length);
        used = 0;
      }
      text = bytes.toString("base64url", used, used + TEXT_PAIRS * PAIR_BYTES);
      used += TEXT_PAIRS * PAIR_BYTES;
      at = 0;
    }
    at += MINTED_CHARACTERS;
    return text.slice(at - MINTED_CHARACTERS, at);
  };
}

// Random bytes are fetched for many ids at once, because each fetch has a fixed cost.
const BATCH_POOL_BYTES = 26_208;
const batchPool = Buffer.allocUnsafeSlow(BATCH_POOL_BYTES);
let batchUsed = BATCH_POOL_BYTES;

/** Mints this number of ids. Returns them as texts and as bytes that follow one another. */
export function mintIds(count: number): { ids: string[]; bytes: Buffer } {
  const needed = Math.ceil(count / 2) * PAIR_BYTES;
  let random = batchPool;
  if (needed > BATCH_POOL_BYTES) {
    random = randomFillSync(Buffer.allocUnsafe(needed));
  } else if (batchUsed + needed > BATCH_POOL_BYTES) {
    randomFillSync(batchPool);
    batchUsed = 0;
  }
  const from = random === batchPool ? batchUsed : 0;
  withoutDashes(random, from, from + needed);
  const text = random.toString("base64url", from, from + needed);
  if (random === batchPool) batchUsed += needed;
  const ids = new Array<string>(count);
  for (let i = 0; i < count; i++) ids[i] = text.slice(i * MINTED_CHARACTERS, (i + 1) * MINTED_CHARACTERS);
  return { ids, bytes: Buffer.from(text, "latin1") };
}

/** Mints ids for the whole process. */
export const mintId = idMint();

import { HoldfastError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

const QUOTE = 34;
const BACKSLASH = 92;
// With the bit 32 set, `[` reads as `{` and `]` as `}`.
const OPEN = 123;
const CLOSE = 125;

/**
 * Refuses JSON that nests deeper than `LIMITS.jsonDepth`. The text must be valid JSON.
 * @throws HoldfastError payload_too_deep
 */
export function checkJsonDepth(text: string, name: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if ((code | 32) === OPEN) {
      if (++depth > LIMITS.jsonDepth)
        throw new HoldfastError("payload_too_deep", `${name} nests deeper than ${LIMITS.jsonDepth} levels`);
    } else if ((code | 32) === CLOSE) depth--;
  }
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

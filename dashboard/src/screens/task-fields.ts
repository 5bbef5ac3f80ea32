import { LIMITS } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { bytes } from "../format/number.ts";

/** Returns why the service would refuse a payload; null if it would accept the payload. */
export function payloadError(text: string): string | null {
  if (text.trim() === "") return t`A payload is needed. Enter null for an empty payload.`;
  const size = new TextEncoder().encode(text).length;
  if (size > LIMITS.payloadBytes)
    return t`${bytes(size)}: at most ${bytes(LIMITS.payloadBytes)} are accepted.`;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return t`Not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Returns why a delay in seconds is refused; null if it is accepted or empty. */
export function delayError(text: string): string | null {
  if (text.trim() === "") return null;
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < 0) return t`Seconds, 0 or more.`;
  return seconds * 1_000 > LIMITS.delayMs ? t`At most a year.` : null;
}

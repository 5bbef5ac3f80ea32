import { hash } from "node:crypto";
import type { TaskOptions } from "@holdfast/contracts";
import { encodeEnvelope } from "./envelope.ts";

/**
 * The same body gives the same fingerprint: type, payload bytes, and the options that were given. Of `runAt` and
 * `expiresAt` only that they were given: callers compute them from the clock, so they differ from call to call, and are
 * compared by themselves (lua/lib/known_ids.lua).
 */
export function fingerprintOf(type: string, payloadText: string, options: TaskOptions): string {
  const { runAt, expiresAt } = options;
  const compared = {
    ...options,
    ...(runAt === undefined ? {} : { runAt: 0 }),
    ...(expiresAt === undefined ? {} : { expiresAt: 0 }),
  };
  const given = encodeEnvelope(type, 0, payloadText, compared);
  return hash("sha256", given, "base64url").slice(0, 22);
}

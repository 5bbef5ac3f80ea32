import { hash } from "node:crypto";
import type { TaskOptions } from "@holdfast/contracts";
import { encodeEnvelope } from "./envelope.ts";

/**
 * Tasks with the same type, payload bytes and given options have the same fingerprint. Of `runAt` and `expiresAt` the
 * fingerprint only says whether they were given: callers compute them from the clock, so the values differ from call to
 * call. They are compared separately (lua/lib/known_ids.lua).
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

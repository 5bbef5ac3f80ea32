import { hash } from "node:crypto";
import type { TaskOptions } from "@holdfast/contracts";
import { encodeEnvelope } from "./envelope.ts";

/**
 * Returns a hash by which two enqueues with the same id are compared: of type, payload and options. For `runAt` and
 * `expiresAt` the hash only includes whether they are set, because producers compute them from the clock, so a repeat
 * has other values. lua/lib/known_ids.lua compares them.
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

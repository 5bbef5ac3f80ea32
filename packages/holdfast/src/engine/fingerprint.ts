import { hash } from "node:crypto";
import type { TaskOptions } from "@holdfast/contracts";
import { encodeEnvelope } from "./envelope.ts";

/** The same body gives the same fingerprint: type, payload bytes, and the options that were given. */
export function fingerprintOf(type: string, payloadText: string, options: TaskOptions): string {
  const given = encodeEnvelope(type, 0, payloadText, options);
  return hash("sha256", given, "base64url").slice(0, 22);
}

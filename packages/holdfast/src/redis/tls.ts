import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { HoldfastError } from "@holdfast/contracts";
import type { TlsSettings } from "./connection-settings.ts";

function read(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new HoldfastError(
      "invalid_argument",
      `cannot read the ${what} for Redis: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 would change the default for the whole process. */
const CHECKED: TlsOptions = { rejectUnauthorized: true };

/**
 * Returns the TLS options for Node; null for a connection without TLS.
 * @throws HoldfastError invalid_argument if a file cannot be read
 */
export function tlsOptions(settings: TlsSettings): TlsOptions | null {
  const { tls, tlsCaFile, tlsServerName, tlsCertFile, tlsKeyFile } = settings;
  if (typeof tls === "object") return { ...CHECKED, ...tls };
  const options: TlsOptions = {
    ...(tlsCaFile === undefined ? {} : { ca: read("CA file", tlsCaFile) }),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    ...(tlsCertFile === undefined ? {} : { cert: read("client certificate", tlsCertFile) }),
    ...(tlsKeyFile === undefined ? {} : { key: read("client key", tlsKeyFile) }),
  };
  return tls === true || Object.keys(options).length > 0 ? { ...CHECKED, ...options } : null;
}

const UNTRUSTED = /self.signed certificate|unable to (?:verify|get) .*certificate|unable to get .*issuer/i;

// The errors of a server without TLS. Some give no answer, because they wait for the end of a command.
const NO_TLS = /^$|ETIMEDOUT|wrong version number|packet length too long|before secure TLS connection/i;

/** Returns advice about a connection that failed, from the text of its error. */
export function remedyOf(reason: string, settings: TlsSettings = {}): string {
  const hasTls = tlsOptions(settings) !== null;
  if (hasTls && NO_TLS.test(reason))
    return "Nothing has answered the TLS handshake: start Redis, use redis:// if this port does not use TLS, or set REDIS_URL to its address";
  if (!hasTls && /^Connection is closed/.test(reason))
    return "Redis closes the connection: use rediss:// if this port expects TLS";
  if (UNTRUSTED.test(reason))
    return "The certificate of Redis is not trusted: set REDIS_TLS_CA_FILE (tlsCaFile) to the CA that signed it";
  if (/certificate has expired|certificate is not yet valid/i.test(reason))
    return "Renew the certificate of Redis";
  if (/does not match certificate's altnames/i.test(reason))
    return "Connect with a name that is in the certificate of Redis, or set REDIS_TLS_SERVER_NAME (tlsServerName)";
  if (/certificate required|handshake failure/i.test(reason))
    return "Redis asks for a client certificate: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE";
  return "Start it, or set REDIS_URL to where it is";
}

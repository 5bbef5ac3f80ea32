import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { HoldfastError } from "@holdfast/contracts";

/** How a connection is encrypted, and whom it trusts. */
export interface TlsSettings {
  /** Implied by `rediss://` and by each of the others. @default false */
  tls?: boolean;
  /** File with the certificates (PEM) of the authorities that Redis is trusted by. @default those of Node */
  tlsCaFile?: string;
  /** The name that the certificate of Redis has to be for. @default the host that is connected to */
  tlsServerName?: string;
  /** File with a certificate (PEM) of this client, where Redis asks for one (`tls-auth-clients`); with `tlsKeyFile`. */
  tlsCertFile?: string;
  tlsKeyFile?: string;
}

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

/**
 * What the TLS of Node is to be given; null for a connection without TLS.
 * @throws HoldfastError invalid_argument: a file cannot be read, or a certificate has no key
 */
export function tlsOptions(settings: TlsSettings, url?: string): TlsOptions | null {
  const { tls, tlsCaFile, tlsServerName, tlsCertFile, tlsKeyFile } = settings;
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    throw new HoldfastError(
      "invalid_argument",
      "tlsCertFile and tlsKeyFile belong together: set both or none",
    );
  }
  const options: TlsOptions = {
    ...(tlsCaFile === undefined ? {} : { ca: read("CA file", tlsCaFile) }),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    ...(tlsCertFile === undefined ? {} : { cert: read("client certificate", tlsCertFile) }),
    ...(tlsKeyFile === undefined ? {} : { key: read("client key", tlsKeyFile) }),
  };
  const wanted = tls === true || url?.startsWith("rediss:") || Object.keys(options).length > 0;
  return wanted ? options : null;
}

const UNTRUSTED = /self.signed certificate|unable to (?:verify|get) .*certificate|unable to get .*issuer/i;

/** What to do about a connection that failed, by what was said of it. */
export function remedyOf(reason: string): string {
  if (/^(?:WRONGPASS|NOAUTH|NOPERM)\b/.test(reason)) return "Check REDIS_USERNAME and REDIS_PASSWORD";
  if (UNTRUSTED.test(reason))
    return "Its certificate is not trusted: set REDIS_TLS_CA_FILE (tlsCaFile) to the CA that signed it";
  if (/certificate has expired|certificate is not yet valid/i.test(reason)) return "Renew its certificate";
  if (/does not match certificate's altnames/i.test(reason))
    return "Connect by a name that is in its certificate, or set REDIS_TLS_SERVER_NAME (tlsServerName)";
  if (/certificate required|handshake failure/i.test(reason))
    return "It asks for a client certificate: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE";
  return "Start it, or set REDIS_URL to where it is";
}

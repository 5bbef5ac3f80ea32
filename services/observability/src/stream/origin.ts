import type { IncomingHttpHeaders } from "node:http";

/** The headers of a request that say under which name the browser knows this service. */
export interface Addressed {
  headers: IncomingHttpHeaders;
  socket: { remoteAddress?: string | undefined };
}

/**
 * The names under which the browser may know this service: its Host header and, if a trusted proxy sent the request,
 * the host and port that the browser asked for according to the proxy. A proxy that rewrites the Host, or leaves out
 * its port, sends these headers.
 */
export function ownHosts(
  { headers, socket }: Addressed,
  isTrusted: (address: string | undefined) => boolean,
): string[] {
  const hosts = headers.host === undefined ? [] : [headers.host];
  if (!isTrusted(socket.remoteAddress)) return hosts;
  const last = (name: string) =>
    String(headers[name] ?? "")
      .split(",")
      .at(-1)
      ?.trim() ?? "";
  const forwarded = last("x-forwarded-host");
  if (forwarded !== "") hosts.push(forwarded);
  const port = last("x-forwarded-port");
  if (/^\d{1,5}$/.test(port))
    for (const host of [...hosts]) if (!/:\d+$/.test(host)) hosts.push(`${host}:${port}`);
  return hosts;
}

/**
 * Whether a page may open the stream or change something. A browser always sends the origin of a page. A client that
 * sends none is not a browser (curl, the CLI), so no page can misuse it. Allowed are our own origin and those on the
 * list.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  hosts: readonly string[],
  allowed: readonly string[],
): boolean {
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  if (protocol !== "http:" && protocol !== "https:") return false;
  // The names are compared as URLs, so that the default port may be written out.
  return hosts.some((host) => {
    const own = `${protocol}//${host}`;
    return URL.canParse(own) && new URL(own).host === originHost;
  });
}

export function parseOrigins(text: string): string[] {
  return text
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
}

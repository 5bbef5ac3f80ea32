import type { IncomingHttpHeaders } from "node:http";

/**
 * The headers of a request that show under which name the browser knows this service, and the address of the sender.
 */
export interface Addressed {
  headers: IncomingHttpHeaders;
  socket: { remoteAddress?: string | undefined };
}

/**
 * Returns the names under which the browser may know this service. The first is its Host header. A trusted proxy may
 * change the Host or leave out its port, so its X-Forwarded-Host and X-Forwarded-Port count too.
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
 * Whether a request with this Origin may open the stream or make a change. The Origin has to be one of this service, or
 * of `allowed`. A browser always sends the Origin of a page. A client that sends none (curl, the CLI) is not a browser,
 * so no page can misuse it.
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
  // The names are compared as URLs, so that a host with the default port equals one without a port.
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

import { isIP } from "node:net";
import { isLoopback } from "../config/http.ts";

/**
 * Whether a service without keys answers a request with this Host header. A web page can point its own host name at
 * 127.0.0.1, and then send requests to the service through the browser of a user (DNS rebinding). The Host header of
 * such a request still has the name of the page.
 *
 * On loopback only loopback names are accepted. Beyond loopback, IP addresses and names without a dot (`producer-api`
 * in Compose) are accepted too, because an attacker cannot own either. `allowed` adds names; `*` allows every name.
 */
export function isAllowedHost(header: string | undefined, listenHost: string, allowed: string[]): boolean {
  if (allowed.includes("*")) return true;
  const name = hostName(header ?? "");
  if (name === "") return false;
  if (isLoopback(name) || name.endsWith(".localhost") || allowed.includes(name)) return true;
  if (isLoopback(listenHost)) return false;
  return isIP(name) !== 0 || !name.includes(".");
}

function hostName(header: string): string {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](:\d+)?$/.exec(header);
  if (bracketed) return (bracketed[1] ?? "").toLowerCase();
  return /^([A-Za-z0-9._-]+)(:\d+)?$/.exec(header)?.[1]?.toLowerCase() ?? "";
}

/**
 * Returns `isAllowedHost` for one service. It caches the last allowed Host, because most clients always send the same.
 */
export function hostCheck(listenHost: string, allowed: string[]): (header: string | undefined) => boolean {
  let last: string | undefined;
  return (header) => {
    if (header !== undefined && header === last) return true;
    if (!isAllowedHost(header, listenHost, allowed)) return false;
    last = header;
    return true;
  };
}

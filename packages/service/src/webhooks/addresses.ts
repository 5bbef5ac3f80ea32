import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

// The only IPv6 addresses that are assigned for public use.
const PUBLIC_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Returns whether an address is in the public internet. The answer is no for loopback, private, link-local and all
 * other special ranges, and for IPv6 addresses that contain an address of such a range.
 */
export function isPublicAddress(text: string): boolean {
  // ipaddr.js also reads old forms such as 1.2.3, which a look-up never returns.
  if (isIP(text) === 0) return false;
  // Turns an IPv4 address in IPv6 form back into an IPv4 address.
  const address = ipaddr.process(text);
  if (address.range() !== "unicast") return false;
  return address.kind() === "ipv4" || (address as ipaddr.IPv6).match(PUBLIC_IPV6);
}

/** The error of a connection that was not opened, because the address of the endpoint is not public. */
class RefusedAddress extends Error {
  /** @param setting the setting that allows such an address */
  constructor(host: string, address: string, setting: string) {
    super(`${host} ${notPublic(address, setting)}`);
    this.name = "RefusedAddress";
  }
}

const notPublic = (address: string, setting: string) =>
  `has the address ${address}, which is not public: if that is right, set ${setting}`;

/** Returns the host of a URL, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, "");

/**
 * Returns what is wrong with the URL of an endpoint; undefined if nothing is.
 * @param setting the setting that would allow an address that is not public, for the message
 */
export function urlProblem(url: URL, allowPrivate: boolean, setting: string): string | undefined {
  if (url.protocol !== "https:" && !(allowPrivate && url.protocol === "http:"))
    return `has to begin with https:// (http:// is possible only with ${setting})`;
  if (url.username !== "" || url.password !== "")
    return "must not have a user or a password: requests are signed, so the receiver knows their sender";
  const host = hostOf(url);
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) return notPublic(host, setting);
  return undefined;
}

/**
 * Refuses a URL whose host is an IP address that is not public. `publicLookup` checks only names, because an address
 * is never looked up. @throws RefusedAddress
 */
export function assertPublicHost(url: URL, setting: string): void {
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new RefusedAddress(host, host, setting);
}

/**
 * Looks up a name and refuses it if one of its addresses is not public. The connection uses these same addresses, so a
 * second answer of the DNS server cannot replace them.
 */
export function publicLookup(setting: string, resolve: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const refused = addresses.find(({ address }) => !isPublicAddress(address));
      if (refused) return callback(new RefusedAddress(hostname, refused.address, setting), "", 0);
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), "", 0);
      return callback(null, first.address, first.family);
    });
  };
}

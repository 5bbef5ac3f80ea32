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

/** The address of an endpoint is not public, so no connection was opened. */
class RefusedAddress extends Error {
  constructor(host: string, address: string) {
    super(
      `${host} has the address ${address}, which is not public: if that is right, set "allowPrivate": true for this endpoint`,
    );
    this.name = "RefusedAddress";
  }
}

/** Returns the host of a URL, without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, "");

/** Refuses a URL whose host is an address that is not public. Such a host is never looked up. @throws RefusedAddress */
export function assertPublicHost(url: URL): void {
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new RefusedAddress(host, host);
}

/**
 * Looks up a name and refuses it if one of its addresses is not public. The connection uses these same addresses, so a
 * second answer of the DNS server cannot replace them.
 */
export function publicLookup(resolve: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const refused = addresses.find(({ address }) => !isPublicAddress(address));
      if (refused) return callback(new RefusedAddress(hostname, refused.address), "", 0);
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), "", 0);
      return callback(null, first.address, first.family);
    });
  };
}

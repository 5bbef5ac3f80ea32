import { BlockList, isIP } from "node:net";

/** @throws Error that names the invalid entry */
export function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits, ...rest] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    const most = family === "ipv6" ? 128 : 32;
    const isNetwork = bits !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= most;
    if (isIP(address) === 0 || rest.length > 0 || (bits !== undefined && !isNetwork)) {
      throw new Error(`"${entry}" is not an address or a network like 10.0.0.0/8`);
    }
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

export function isTrusted(list: BlockList, address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = plainAddress(address);
  return list.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4");
}

/**
 * Turns an IPv4 address in IPv6 form back into an IPv4 address. A socket for both families reports IPv4 addresses in
 * that form.
 */
const plainAddress = (address: string) => (address.startsWith("::ffff:") ? address.slice(7) : address);

/**
 * Returns the network to which a limit per address applies: an IPv4 address, or the first 64 bits of an IPv6 address,
 * because one machine can have all addresses with these bits.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = (plain.split("%", 1)[0] ?? "").split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0"), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

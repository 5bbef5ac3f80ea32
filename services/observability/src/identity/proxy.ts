import { type Identity, ROLES, type Role } from "@holdfast/contracts/api";
import { blockListOf, isTrusted, type RequestHead } from "@holdfast/service";
import { SCOPES_OF_ROLE } from "holdfast";

export interface ProxyOptions {
  /** Addresses and networks: `10.0.0.1`, `10.0.0.0/8`. */
  trusted: readonly string[];
  /** Header that names the person. */
  userHeader: string;
  /** Header that names the role; without it, or without a role in it, `defaultRole`. */
  roleHeader?: string | undefined;
  defaultRole: Role;
}

/**
 * Who the reverse proxy in front says it is. Its header is believed from its own address only: whoever reaches this port
 * by another way could write it as well.
 */
export function identifyByProxy(options: ProxyOptions): (request: RequestHead) => Identity | undefined {
  const list = blockListOf(options.trusted);
  const userHeader = options.userHeader.toLowerCase();
  const roleHeader = options.roleHeader?.toLowerCase();
  return ({ headers, socket }) => {
    const user = headers[userHeader];
    if (typeof user !== "string" || !isName(user) || !isTrusted(list, socket?.remoteAddress))
      return undefined;
    const told = roleHeader === undefined ? undefined : headers[roleHeader];
    const role = told === undefined ? options.defaultRole : ROLES.find((name) => name === told);
    // A role that is none is a mistake of the proxy, and no reason to give the default.
    if (role === undefined) return undefined;
    return { kind: "proxy", label: user, keyId: null, role, scopes: SCOPES_OF_ROLE[role], queues: null };
  };
}

const isName = (text: string) => /^[^\p{C}\p{Zl}\p{Zp}]{1,128}$/u.test(text);

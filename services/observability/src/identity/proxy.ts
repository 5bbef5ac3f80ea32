import { SCOPES_OF_ROLE } from "@holdfast/contracts";
import { type Identity, ROLES, type Role } from "@holdfast/contracts/api";
import { blockListOf, isTrusted, type RequestHead } from "@holdfast/service";

export interface ProxyOptions {
  /** Addresses and networks of the proxies, such as `10.0.0.1` or `10.0.0.0/8`. */
  trusted: readonly string[];
  userHeader: string;
  /** Header that names the role. If this option or the header is missing, the role is `defaultRole`. */
  roleHeader?: string | undefined;
  defaultRole: Role;
}

/**
 * Returns the identity that the reverse proxy reports in its headers. The headers count only in requests from the
 * address of the proxy, because any client that reaches this port could send them.
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
    // The proxy sent a role that does not exist. The request gets no access, since the default role could allow too
    // much.
    if (role === undefined) return undefined;
    return personOf(user, role);
  };
}

/** The identity of a person whom a proxy, or the app around the dashboard, has authenticated. */
export function personOf(label: string, role: Role, queues: string[] | null = null): Identity {
  return { kind: "proxy", label, keyId: null, role, scopes: SCOPES_OF_ROLE[role], queues };
}

export const isName = (text: string) => /^[^\p{C}\p{Zl}\p{Zp}]{1,128}$/u.test(text);

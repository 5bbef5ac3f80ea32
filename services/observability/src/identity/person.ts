import type { IncomingHttpHeaders } from "node:http";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import {
  type AccessOptions,
  type Identify,
  identifyByKey,
  isLoopback,
  type KeyRing,
  parseList,
} from "@holdfast/service";
import { HoldfastError } from "holdfast";
import type { ObservabilityConfig } from "../config.ts";
import { isAllowedOrigin } from "../stream/origin.ts";
import type { EndedSessions } from "./ended-sessions.ts";
import { identifyByProxy } from "./proxy.ts";
import { Sessions } from "./sessions.ts";

/** The ways in which this service identifies people and programs. */
export interface Entrance {
  identify: Identify;
  sessions: Sessions;
  /** Whether requests without credentials are refused. */
  isGuarded(): boolean;
}

/** Returns the `Entrance` of a service without keys, where everybody may do everything. */
export function openEntrance(): Entrance {
  const nobody = {
    verify: () => {
      throw new HoldfastError("unauthorized", "this service has no API keys, so nobody can log in");
    },
    current: () => undefined,
  };
  const sessions = new Sessions({ ring: nobody, secrets: [], idleMs: 0, maxMs: 0, secureOnly: false });
  return { identify: () => ANONYMOUS, sessions, isGuarded: () => false };
}

/** Identifies the caller by key, by the headers of a proxy, or by session, in this order. */
export function createEntrance(
  config: ObservabilityConfig,
  ring: KeyRing,
  ended?: EndedSessions,
): Entrance & { access: AccessOptions } {
  const byProxy =
    config.PROXY_USER_HEADER === undefined
      ? undefined
      : identifyByProxy({
          trusted: parseList(config.TRUSTED_PROXIES),
          userHeader: config.PROXY_USER_HEADER,
          roleHeader: config.PROXY_ROLE_HEADER,
          defaultRole: config.PROXY_DEFAULT_ROLE,
        });
  const isBehindProxy = byProxy !== undefined;
  const allowUnauthenticated = config.ALLOW_UNAUTHENTICATED;
  const access = { ring, host: config.HOST, allowUnauthenticated, isBehindProxy };
  const byKey = identifyByKey(access);
  const sessions = new Sessions({
    ring,
    secrets: parseList(config.SESSION_SECRET),
    idleMs: config.SESSION_IDLE_MS,
    maxMs: config.SESSION_MAX_MS,
    maxPerKey: config.SESSIONS_PER_KEY,
    secureOnly: config.SESSION_SECURE_ONLY,
    ended,
  });
  return {
    access,
    sessions,
    identify: (request) => {
      if (request.headers.authorization !== undefined) return byKey(request);
      return byProxy?.(request) ?? sessions.find(request.headers.cookie)?.identity ?? byKey(request);
    },
    isGuarded: () => !allowUnauthenticated && (ring.isInUse || isBehindProxy || !isLoopback(config.HOST)),
  };
}

/** Returns the error for a page of an Origin that is not allowed. It says how to allow it. */
export function foreignOrigin(what: string, hosts: readonly string[]): HoldfastError {
  return new HoldfastError(
    "forbidden",
    `pages of this Origin may not ${what}: this service is known as ${hosts.join(" or ") || "(no Host)"}. Behind a proxy, let the proxy pass on the Host header with its port, or let it send X-Forwarded-Host, with the address of the proxy in TRUSTED_PROXIES. Or add the Origin to ALLOWED_ORIGINS`.slice(
      0,
      512,
    ),
  );
}

/**
 * Checks that a page of this service, or of an allowed Origin, requested the change. A foreign page can make the
 * browser of a user send a POST with the cookies of that user. But the browser also sends headers that name the site of
 * the page.
 * @throws HoldfastError forbidden
 */
export function assertOwnPage(
  headers: IncomingHttpHeaders,
  identity: Identity,
  hosts: readonly string[],
  allowedOrigins: readonly string[],
): void {
  const { origin } = headers;
  if (!isAllowedOrigin(origin, hosts, allowedOrigins)) throw foreignOrigin("change anything", hosts);
  if (origin !== undefined) return;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") {
    throw new HoldfastError(
      "forbidden",
      `a page of another site (Sec-Fetch-Site: ${site}) may not change anything`,
    );
  }
  // A browser sends cookies with every request, so a cookie does not show which page made the request. A program
  // sends its key on purpose, so this check is not needed for it.
  const isByBrowser = identity.kind === "session" || identity.kind === "proxy";
  if (isByBrowser && site === undefined) {
    throw new HoldfastError(
      "forbidden",
      "with a session, only pages of this service may change anything, and neither Origin nor Sec-Fetch-Site shows that such a page sent this request",
    );
  }
}

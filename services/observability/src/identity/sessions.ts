import { randomBytes } from "node:crypto";
import { Signer } from "@fastify/cookie";
import type { ApiKey } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { identityOf, type KeyRing } from "@holdfast/service";
import { parseCookie, stringifySetCookie } from "cookie";
import { HoldfastError } from "holdfast";
import { nanoid } from "nanoid";
import type { EndedSessions } from "./ended-sessions.ts";

export const SESSION_COOKIE = "holdfast_session";

/**
 * If the name of a cookie begins with `__Host-`, a browser accepts the cookie only over TLS and only from this host. So
 * another host cannot set a cookie of this name.
 */
const SECURE_NAME = `__Host-${SESSION_COOKIE}`;
/** The cookie contains the time of its last use. It is renewed this often, ms. */
const RENEW_MS = 60_000;
/**
 * Expired sessions are removed from memory this often, ms. A removal looks at all sessions, which is too slow for every
 * request.
 */
const FORGET_MS = 60_000;

export interface SessionOptions {
  ring: Pick<KeyRing, "verify" | "current">;
  /**
   * The first secret signs new cookies. Cookies of all these secrets are valid, so that a secret can be replaced. If
   * the list is empty, a random secret is used.
   */
  secrets: readonly string[];
  /** Time from the last request of a session to its end, ms. */
  idleMs: number;
  /** Time from the log-in to the end of a session, ms. */
  maxMs: number;
  /** The most sessions that a key may have open, as far as this process knows. @default no limit */
  maxPerKey?: number | undefined;
  /** Sets cookies for TLS only, even in an answer to a request without TLS. */
  secureOnly: boolean;
  /** Where log-outs are stored for the other processes of the service. */
  ended?: Pick<EndedSessions, "add" | "after"> | undefined;
}

export interface Session {
  id: string;
  identity: Identity;
  issuedAt: number;
  seenAt: number;
  /** When the session reaches its maximum length or its key expires, ms since the epoch. */
  expiresAt: number;
  idleExpiresAt: number;
}

interface OpenSession {
  keyId: string;
  seenAt: number;
  /** When the session ends: at `expiresAt`, or when its idle time is over, ms since the epoch. */
  endsAt: number;
}

/**
 * Log-ins to the dashboard. The browser keeps a signed cookie, which has the id of the key and no secret. The cookie is
 * valid only as long as the key.
 */
export class Sessions {
  readonly #options: SessionOptions;
  readonly #signer: Signer;
  /**
   * The sessions that this process has seen, with the time of the last request of each. A live stream has only the
   * cookie with which it began, so the time in that cookie gets old.
   */
  readonly #open = new Map<string, OpenSession>();
  readonly #openByKey = new Map<string, Set<string>>();
  /**
   * Sessions that were logged out in this or another process. They are kept until they would have expired, so that
   * copies of their cookies are refused.
   */
  readonly #ended = new Map<string, number>();
  /** The cursor of the last log-out that was read from Redis. */
  #cursor = "";
  #forgotAt = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { secrets } = options;
    this.#signer = new Signer(secrets.length > 0 ? [...secrets] : [randomBytes(32).toString("base64url")]);
  }

  /** Returns the key with this text. @throws HoldfastError unauthorized, redis_unavailable */
  keyOf(text: string): ApiKey {
    return this.#options.ring.verify(text);
  }

  /**
   * Opens a session for the holder of this key. The id of a session is always new, so nobody can choose the id of
   * another person's session.
   * @param key as `keyOf` returned it
   * @param before the session that this log-in replaces
   * @throws HoldfastError rate_limited: the key has too many open sessions
   */
  open(key: ApiKey, before?: Session, now = Date.now()): { session: Session; value: string } {
    this.#assertRoom(key, before, now);
    const id = nanoid();
    const session = this.#sessionOf(id, key, now, now);
    this.#remember(session, key.id);
    return { session, value: this.#valueOf(id, key, now, now) };
  }

  /** Returns the session of the request with this cookie, or undefined if it has ended. */
  find(cookieHeader: string | undefined, now = Date.now()): Session | undefined {
    const claims = this.#read(cookieHeader);
    if (claims === undefined || this.#ended.has(claims.id)) return undefined;
    const key = this.#options.ring.current(claims.keyId, claims.sha256);
    if (key === undefined) return undefined;
    const seenAt = Math.max(claims.seenAt, this.#open.get(claims.id)?.seenAt ?? 0);
    const session = this.#sessionOf(claims.id, key, claims.issuedAt, seenAt);
    return now < session.expiresAt && now < session.idleExpiresAt ? session : undefined;
  }

  /** Records that the session was used. @returns a new cookie value if the cookie has to be renewed */
  use(session: Session, cookieHeader: string | undefined, now = Date.now()): string | undefined {
    const claims = this.#read(cookieHeader);
    if (claims?.id !== session.id) return undefined;
    this.#remember({ ...session, seenAt: now, idleExpiresAt: now + this.#options.idleMs }, claims.keyId);
    this.#forget(now);
    if (now - claims.seenAt < RENEW_MS) return undefined;
    const key = this.#options.ring.current(claims.keyId, claims.sha256);
    return key && this.#valueOf(session.id, key, session.issuedAt, now);
  }

  /**
   * Ends the session, first in this process. Even if the call throws, this process refuses the session from now on.
   * @throws HoldfastError redis_unavailable: the other processes were not told
   */
  async end(session: Session, now = Date.now()): Promise<void> {
    const { maxMs, ended } = this.#options;
    const until = session.issuedAt + maxMs;
    this.#end(session.id, until);
    this.#forget(now);
    await ended?.add(session.id, until, maxMs);
  }

  /** Reads the log-outs that other processes have recorded since the last call. */
  async learn(now = Date.now()): Promise<void> {
    const { ended } = this.#options;
    if (ended === undefined) return;
    for await (const page of ended.after(this.#cursor)) {
      for (const [id, until] of page.ended) if (until > now) this.#end(id, until);
      this.#cursor = page.cursor;
    }
    this.#forget(now);
  }

  #assertRoom(key: ApiKey, before: Session | undefined, now: number): void {
    const most = this.#options.maxPerKey ?? Number.POSITIVE_INFINITY;
    const ids = this.#openByKey.get(key.id);
    if (ids === undefined || ids.size < most) return;
    let open = 0;
    let nextEnd = Number.POSITIVE_INFINITY;
    for (const id of ids) {
      const { endsAt = 0 } = this.#open.get(id) ?? {};
      if (id === before?.id || endsAt <= now) continue;
      open++;
      nextEnd = Math.min(nextEnd, endsAt);
    }
    if (open < most) return;
    throw new HoldfastError(
      "rate_limited",
      `this key has ${open} open sessions, as many as SESSIONS_PER_KEY allows: log out of one, or wait until one ends`,
      { retryAfterMs: nextEnd - now },
    );
  }

  #remember({ id, seenAt, expiresAt, idleExpiresAt }: Session, keyId: string): void {
    this.#open.set(id, { keyId, seenAt, endsAt: Math.min(expiresAt, idleExpiresAt) });
    const ids = this.#openByKey.get(keyId);
    if (ids) ids.add(id);
    else this.#openByKey.set(keyId, new Set([id]));
  }

  #drop(id: string): void {
    const keyId = this.#open.get(id)?.keyId;
    if (keyId === undefined) return;
    this.#open.delete(id);
    const ids = this.#openByKey.get(keyId);
    ids?.delete(id);
    if (ids?.size === 0) this.#openByKey.delete(keyId);
  }

  #end(id: string, until: number): void {
    this.#ended.set(id, until);
    this.#drop(id);
  }

  /** Returns the headers that set the cookie. @param isTls whether the request of the browser came over TLS */
  cookiesOf(value: string, isTls: boolean): string[] {
    const { secureOnly, maxMs } = this.#options;
    const isSecure = secureOnly || isTls;
    return [serialize(isSecure ? SECURE_NAME : SESSION_COOKIE, value, isSecure, maxMs / 1_000)];
  }

  /** Returns the headers that delete the cookie under both of its names. */
  goneCookies(): string[] {
    return [serialize(SECURE_NAME, "", true, 0), serialize(SESSION_COOKIE, "", false, 0)];
  }

  #read(header: string | undefined) {
    if (header === undefined || !header.includes(SESSION_COOKIE)) return undefined;
    const found = parseCookie(header);
    const text = found[SECURE_NAME] ?? (this.#options.secureOnly ? undefined : found[SESSION_COOKIE]);
    if (!text || text.length > 1_024) return undefined;
    const { valid, value } = this.#signer.unsign(text);
    if (!valid || value === null) return undefined;
    const [id = "", keyId = "", sha256 = "", issuedAt, seenAt] = value.split("~");
    return { id, keyId, sha256, issuedAt: Number(issuedAt), seenAt: Number(seenAt) };
  }

  #valueOf(id: string, key: ApiKey, issuedAt: number, seenAt: number): string {
    return this.#signer.sign([id, key.id, key.sha256, issuedAt, seenAt].join("~"));
  }

  #sessionOf(id: string, key: ApiKey, issuedAt: number, seenAt: number): Session {
    const { idleMs, maxMs } = this.#options;
    return {
      id,
      identity: identityOf(key, "session"),
      issuedAt,
      seenAt,
      expiresAt: Math.min(issuedAt + maxMs, key.expiresAt ?? Number.POSITIVE_INFINITY),
      idleExpiresAt: seenAt + idleMs,
    };
  }

  #forget(now: number): void {
    if (Math.abs(now - this.#forgotAt) < FORGET_MS) return;
    this.#forgotAt = now;
    for (const [id, { endsAt }] of this.#open) if (endsAt < now) this.#drop(id);
    for (const [id, until] of this.#ended) if (until < now) this.#ended.delete(id);
  }
}

function serialize(name: string, value: string, secure: boolean, maxAge: number): string {
  return stringifySetCookie({
    name,
    value,
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    secure,
    maxAge: Math.floor(maxAge),
  });
}

import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type ApiKey, HoldfastError, roleOf } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { createErrorLog } from "../error-log.ts";
import { StartupError } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { isTextOf, keyIdOf } from "./key.ts";
import { parseKeyFile } from "./key-file.ts";
import type { KeyStore } from "./key-store.ts";

// A revoked key has to be refused within a second.
const POLL_MS = 400;
/** All keys are read this often, ms. If somebody changes them in Redis by hand, the version does not change. */
const FULL_READ_MS = 10_000;
/** The shortest time between two writes of the last use of a key by one process, ms. */
const NOTE_USE_MS = 60_000;
/**
 * The most verified `Authorization` headers that are cached. One key can have many, since a client can vary the spaces
 * in its header.
 */
const MAX_VERIFIED = 1_000;

export interface KeyRingOptions {
  store: Pick<KeyStore, "version" | "read" | "noteUses">;
  /** A file of keys, which is read in addition to the keys in Redis. */
  file?: string | undefined;
  logger: Logger;
  /** How often the version of the keys in Redis is read, ms. @default 400 */
  pollMs?: number;
}

/** The last use of a key. */
interface Use {
  /** Ms since the epoch; 0 if the key was not used in this process. */
  at: number;
  /** The last use that is stored in Redis, ms since the epoch. */
  notedAt: number;
  /** When this process last tried to store the last use, ms since the epoch. */
  triedAt: number;
}

interface Verified {
  identity: Identity;
  use: Use;
  /** Ms since the epoch; Infinity: never. */
  expiresAt: number;
}

/**
 * The keys that a service accepts: those in the file and those in Redis. If the keys cannot be read, those of the last
 * reading stay valid.
 */
export class KeyRing {
  /** Whether the keys in Redis were read at least once. */
  isKnown = false;
  /**
   * Whether everybody needs a key. This is so if there is a file of keys, or if Redis had keys at any time since the
   * start of this process.
   */
  isInUse: boolean;
  readonly #options: KeyRingOptions;
  readonly #pollMs: number;
  readonly #logError: (error: unknown) => void;
  readonly #logUseError: (error: unknown) => void;
  readonly #listeners = new Set<() => void>();
  #fromFile: ApiKey[] = [];
  #fromRedis: ApiKey[] = [];
  #byId = new Map<string, ApiKey>();
  #verified = new Map<string, Verified>();
  readonly #uses = new Map<string, Use>();
  #fileStamp = "";
  #version: string | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #nextExpiry = Number.POSITIVE_INFINITY;
  readonly #abort = new AbortController();

  /** @throws StartupError if the keys file cannot be read */
  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#logError = createErrorLog(
      options.logger,
      "cannot read the API keys: the last known keys stay valid",
      30_000,
    );
    this.#logUseError = createErrorLog(options.logger, "cannot note when API keys were used", 30_000);
    this.isInUse = options.file !== undefined;
    if (options.file === undefined) return;
    try {
      this.#readFile(options.file);
    } catch (error) {
      throw new StartupError(`API_KEYS_FILE: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Returns the number of keys that are valid now. */
  get size(): number {
    const now = Date.now();
    return [...this.#byId.values()].filter(({ expiresAt }) => expiresAt === null || expiresAt > now).length;
  }

  /** Reads the keys in Redis. @throws HoldfastError */
  async load(): Promise<void> {
    const { version, keys, unreadable } = await this.#options.store.read();
    if (unreadable.length > 0) {
      this.#options.logger.warn({ fields: unreadable.slice(0, 10) }, "API keys in Redis that cannot be read");
    }
    const isFirst = !this.isKnown;
    this.isKnown = true;
    // If there was a key at any time, a key stays required, because a FLUSHALL must not open the service to everybody.
    this.isInUse ||= version !== null;
    const isSame = version === this.#version && sameKeys(keys, this.#fromRedis);
    this.#version = version;
    this.#readAt = performance.now();
    this.#fromRedis = keys;
    if (isFirst || !isSame) this.#changed();
  }

  /** Starts to watch the keys. A change takes effect within a second. */
  start(): void {
    const { signal } = this.#abort;
    const every = async (work: () => Promise<void> | void) => {
      while (!signal.aborted) {
        await delay(this.#pollMs, undefined, { signal, ref: false }).catch(() => {});
        if (signal.aborted) return;
        try {
          await work();
        } catch (error) {
          if (!signal.aborted) this.#logError(error);
        }
      }
    };
    // Redis and the file are polled separately, so that a Redis that does not answer does not delay the file.
    void every(() => this.#pollRedis());
    void every(() => this.#tellExpired());
    void every(() => this.#noteUses());
    if (this.#options.file !== undefined) void every(() => this.#pollFile());
  }

  stop(): void {
    this.#abort.abort();
  }

  /** The listener is called after every change of the keys, and when a key has expired. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Returns the holder of the key in this header.
   * @param authorization `Bearer hf_…`
   * @throws HoldfastError unauthorized; redis_unavailable while the keys are not known
   */
  identify(authorization: string): Identity {
    let verified = this.#verified.get(authorization);
    if (verified === undefined) {
      const text = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
      if (text === undefined) {
        throw new HoldfastError("unauthorized", "send the key as Authorization: Bearer <key>");
      }
      const key = this.verify(text);
      const expiresAt = key.expiresAt ?? Number.POSITIVE_INFINITY;
      verified = { identity: identityOf(key), use: this.#useOf(key.id), expiresAt };
      if (this.#verified.size >= MAX_VERIFIED) this.#verified.clear();
      this.#verified.set(authorization, verified);
    }
    const now = Date.now();
    if (verified.expiresAt <= now) throw expired();
    // Only the time is noted here. `#noteUses` writes it to Redis later, so that no request waits for that.
    verified.use.at = now;
    return verified.identity;
  }

  /**
   * Returns the key with this text.
   * @throws HoldfastError unauthorized; redis_unavailable while the keys are not known
   */
  verify(text: string): ApiKey {
    const key = this.#byId.get(keyIdOf(text) ?? "");
    if (!isTextOf(text, key) || key === undefined) {
      if (!this.isKnown) {
        throw new HoldfastError("redis_unavailable", "the keys are not read from Redis yet: try again", {
          retryAfterMs: 1_000,
        });
      }
      throw new HoldfastError("unauthorized", "this key is unknown, or was revoked");
    }
    const now = Date.now();
    if (key.expiresAt !== null && key.expiresAt <= now) throw expired();
    this.#useOf(key.id).at = now;
    return key;
  }

  /** Returns the key if it is unchanged and valid. Sessions and sockets call this: they outlive a request. */
  current(id: string, sha256: string): ApiKey | undefined {
    const key = this.#byId.get(id);
    if (key?.sha256 !== sha256) return undefined;
    const now = Date.now();
    if (key.expiresAt !== null && key.expiresAt <= now) return undefined;
    this.#useOf(id).at = now;
    return key;
  }

  #useOf(id: string): Use {
    let use = this.#uses.get(id);
    if (use === undefined) {
      use = { at: 0, notedAt: 0, triedAt: 0 };
      this.#uses.set(id, use);
    }
    return use;
  }

  /** Writes the last uses of the keys to Redis. Keys in a file have no recorded last use. */
  async #noteUses(): Promise<void> {
    const now = Date.now();
    const noted = new Map<string, number>();
    for (const { id } of this.#fromRedis) {
      const use = this.#uses.get(id);
      if (use === undefined || use.at <= use.notedAt || now - use.triedAt < NOTE_USE_MS) continue;
      noted.set(id, use.at);
      use.triedAt = now;
    }
    if (noted.size === 0) return;
    try {
      await this.#options.store.noteUses(noted);
    } catch (error) {
      // The next attempt to write follows after a minute.
      if (!this.#abort.signal.aborted) this.#logUseError(error);
      return;
    }
    for (const [id, at] of noted) this.#useOf(id).notedAt = at;
  }

  async #pollRedis(): Promise<void> {
    const isDue = performance.now() - this.#readAt > FULL_READ_MS;
    if (isDue || (await this.#options.store.version()) !== this.#version) await this.load();
  }

  /** Calls the listeners when a key has expired. Then open streams and uploads of its holder are ended. */
  #tellExpired(): void {
    if (Date.now() < this.#nextExpiry) return;
    this.#nextExpiry = this.#findNextExpiry();
    for (const listener of this.#listeners) listener();
  }

  #findNextExpiry(): number {
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { expiresAt } of this.#byId.values())
      if (expiresAt !== null && expiresAt > now && expiresAt < next) next = expiresAt;
    return next;
  }

  #pollFile(): void {
    const { file } = this.#options;
    if (file === undefined || stampOf(file) === this.#fileStamp) return;
    this.#readFile(file);
    this.#changed();
  }

  #readFile(file: string): void {
    // The stamp is read before the content. So if the file changes in between, the next poll notices that.
    const stamp = stampOf(file);
    this.#fromFile = parseKeyFile(readFileSync(file, "utf8"), file);
    this.#fileStamp = stamp;
    this.#index();
  }

  #index(): void {
    this.#byId = new Map([...this.#fromRedis, ...this.#fromFile].map((key) => [key.id, key]));
    this.#verified = new Map();
    for (const id of this.#uses.keys()) if (!this.#byId.has(id)) this.#uses.delete(id);
    this.#nextExpiry = this.#findNextExpiry();
  }

  #changed(): void {
    this.#index();
    this.#options.logger.info({ keys: this.#byId.size }, "API keys read");
    for (const listener of this.#listeners) listener();
  }
}

export function identityOf(key: ApiKey, kind: "key" | "session" = "key"): Identity {
  return Object.freeze({
    kind,
    label: key.label,
    keyId: key.id,
    role: roleOf(key.scopes),
    scopes: key.scopes,
    queues: key.queues,
  });
}

function expired(): HoldfastError {
  return new HoldfastError("unauthorized", "this key has expired");
}

/**
 * Returns a text that changes when the file changes. It includes the inode, which changes when the file is replaced,
 * even if time and size stay the same.
 */
function stampOf(file: string): string {
  const { mtimeNs, size, ino } = statSync(file, { bigint: true });
  return `${mtimeNs}:${size}:${ino}`;
}

function sameKeys(a: readonly ApiKey[], b: readonly ApiKey[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

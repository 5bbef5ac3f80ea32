import { type ApiKey, HoldfastError, isKeyId } from "@holdfast/contracts";
import type { Holdfast } from "holdfast";
import { systemKeys } from "holdfast/operate";
import { nanoid } from "nanoid";
import { readKey } from "./key.ts";

// Ids of keys have only letters and digits, so no key can have this id.
const VERSION = "#version";

// The version changes together with the keys. Otherwise a reader could read the old keys with the new version.
const ADD =
  "if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end redis.call('HSET', KEYS[1], '#version', ARGV[3]) return 1";
// The flag allow-oom lets this script run while the memory of Redis is full, because a leaked key has to be revocable
// at any time.
const REVOKE =
  "#!lua flags=allow-oom\nif redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end redis.call('HSET', KEYS[1], '#version', ARGV[2]) redis.call('HDEL', KEYS[2], ARGV[1]) return 1";

export interface StoredKeys {
  /** A value that changes with every change of the keys; null if there never was a key. */
  version: string | null;
  keys: ApiKey[];
  /** Fields whose value is not a valid key, because another program wrote them. */
  unreadable: string[];
}

/** A key and its last use. */
export interface UsedKey extends ApiKey {
  /** The last use that a service has recorded, ms since the epoch, up to about a minute late; null if there is none. */
  lastUsedAt: number | null;
}

/** The API keys in Redis, by id. */
export class KeyStore {
  readonly #connection: Holdfast["connection"];
  readonly #hash: string;
  readonly #uses: string;

  constructor(client: Pick<Holdfast, "connection" | "prefix">) {
    this.#connection = client.connection;
    ({ apiKeys: this.#hash, apiKeyUses: this.#uses } = systemKeys(client.prefix));
  }

  /** @throws HoldfastError conflict if a key with this id exists */
  async add(key: ApiKey): Promise<void> {
    const added = await this.#connection.command<number>(
      "EVAL",
      ADD,
      1,
      this.#hash,
      key.id,
      JSON.stringify(key),
      nanoid(),
    );
    if (added === 0) throw new HoldfastError("conflict", `the key ${key.id} already exists`);
  }

  /** Removes the key. Every service refuses it within a second. @throws HoldfastError not_found */
  async revoke(id: string): Promise<void> {
    const removed = isKeyId(id)
      ? await this.#connection.command<number>("EVAL", REVOKE, 2, this.#hash, this.#uses, id, nanoid())
      : 0;
    if (removed === 0) throw new HoldfastError("not_found", `there is no key ${id}`);
  }

  /** Returns the version of the keys, which is cheap enough to be read often. It is null if there never was a key. */
  version(): Promise<string | null> {
    return this.#connection.command<string | null>("HGET", this.#hash, VERSION);
  }

  async read(): Promise<StoredKeys> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#hash);
    const stored: StoredKeys = { version: null, keys: [], unreadable: [] };
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const [id, text] = [flat[at] as string, flat[at + 1] as string];
      if (id === VERSION) {
        stored.version = text;
        continue;
      }
      try {
        const key = readKey(JSON.parse(text), id);
        if (key.id === id) stored.keys.push(key);
        else stored.unreadable.push(id);
      } catch {
        stored.unreadable.push(id);
      }
    }
    // If somebody filled the hash by hand, it has no version, but its keys are valid.
    if (flat.length > 0) stored.version ??= "";
    stored.keys.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    return stored;
  }

  /** Records when keys were used. @param uses id of a key -> ms since the epoch; it has at least one key */
  async noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    await this.#connection.command("HSET", this.#uses, ...[...uses].flat());
  }

  /** Returns all keys with their last use, oldest first. */
  async list(): Promise<UsedKey[]> {
    const { keys } = await this.read();
    const flat = await this.#connection.command<string[]>("HGETALL", this.#uses);
    const uses = new Map<string, number>();
    for (let at = 0; at + 1 < flat.length; at += 2) uses.set(flat[at] as string, Number(flat[at + 1]));
    return keys.map((key) => ({ ...key, lastUsedAt: uses.get(key.id) ?? null }));
  }
}

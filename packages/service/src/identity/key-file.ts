import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ApiKey, HoldfastError } from "@holdfast/contracts";
import { readKey } from "./key.ts";

const LOCK_WAIT_MS = 5_000;

/**
 * Reads the keys of a file, `{ "keys": [ … ] }`.
 * @throws HoldfastError invalid_argument that names the file; not_found if the file does not exist
 */
export async function readKeyFile(path: string): Promise<ApiKey[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new HoldfastError(
      isMissing ? "not_found" : "invalid_argument",
      isMissing ? `there is no file "${path}"` : `cannot read "${path}": ${(error as Error).message}`,
      { cause: error },
    );
  }
  return parseKeyFile(text, path);
}

/** @throws HoldfastError invalid_argument that names the file, and never its content */
export function parseKeyFile(text: string, path: string): ApiKey[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HoldfastError("invalid_argument", `"${path}" is not valid JSON`);
  }
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) {
    throw new HoldfastError("invalid_argument", `"${path}" has to look like { "keys": [ … ] }`);
  }
  const read = keys.map((key, index) => readKey(key, `"${path}": entry ${index}`));
  if (new Set(read.map(({ id }) => id)).size < read.length) {
    throw new HoldfastError("invalid_argument", `"${path}" has two keys with the same id`);
  }
  return read;
}

/** Adds a key to a file. If the file does not exist, makes one that only its owner can read. */
export function addToKeyFile(path: string, key: ApiKey): Promise<void> {
  return changeKeyFile(path, (keys) => {
    if (keys.some(({ id }) => id === key.id)) {
      throw new HoldfastError("conflict", `the key ${key.id} already exists`);
    }
    return [...keys, key];
  });
}

/** @throws HoldfastError not_found */
export async function revokeInKeyFile(path: string, id: string): Promise<void> {
  await readKeyFile(path);
  await changeKeyFile(path, (keys) => {
    const rest = keys.filter((key) => key.id !== id);
    if (rest.length === keys.length)
      throw new HoldfastError("not_found", `there is no key ${id} in "${path}"`);
    return rest;
  });
}

/** Replaces the file as a whole. So a reader sees the old or the new file, and never a half-written one. */
async function changeKeyFile(path: string, change: (keys: ApiKey[]) => ApiKey[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unlock = await lock(`${path}.lock`);
  const next = `${path}.${randomUUID()}`;
  try {
    const before = await readKeyFile(path).catch((error: HoldfastError) => {
      if (error.code === "not_found") return [];
      throw error;
    });
    const text = `${JSON.stringify({ keys: change(before) }, null, 2)}\n`;
    // The new file gets the mode of the old file, because services may read it as other users of its group.
    const mode = await stat(path).then(
      (stats) => stats.mode & 0o777,
      () => 0o600,
    );
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(next, mode);
    await rename(next, path);
  } finally {
    await rm(next, { force: true });
    await unlock();
  }
}

/**
 * Each writer takes this lock. Without it, one of two writers at the same time could overwrite the key of the other.
 */
async function lock(path: string): Promise<() => Promise<void>> {
  const end = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await (await open(path, "wx", 0o600)).close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw new HoldfastError("invalid_argument", `cannot write "${path}": ${(error as Error).message}`, {
          cause: error,
        });
      }
      if (performance.now() > end) {
        throw new HoldfastError(
          "conflict",
          `"${path}" exists, so another process is changing the keys. If no process does, remove this file`,
        );
      }
      await delay(20);
    }
  }
}

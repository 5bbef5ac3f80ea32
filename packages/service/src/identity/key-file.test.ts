import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mintKey } from "./key.ts";
import { addToKeyFile, readKeyFile, revokeInKeyFile } from "./key-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-keys-"));
  path = join(folder, "inner/keys.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const make = (label: string) => mintKey({ label, scopes: ["admin"] });

test("a new file is readable only by its owner, an existing file keeps its mode, and no file has the text of a key", async () => {
  const { key, text } = make("one");
  await addToKeyFile(path, key);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await readKeyFile(path)).toEqual([key]);
  expect(readFileSync(path, "utf8")).not.toContain(text.slice(-43));
  chmodSync(path, 0o640);
  await addToKeyFile(path, make("two").key);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(readdirSync(join(folder, "inner"))).toEqual(["keys.json"]);
});

test("no key is lost if many processes write at once", async () => {
  const keys = Array.from({ length: 20 }, (_, index) => make(`key ${index}`).key);
  await Promise.all(keys.map((key) => addToKeyFile(path, key)));
  const labels = (await readKeyFile(path)).map(({ label }) => label);
  expect(labels.sort()).toEqual(keys.map(({ label }) => label).sort());
});

test("a revocation removes one key, and an unknown key or a missing file is an error", async () => {
  const [one, two] = [make("one").key, make("two").key];
  await expect(revokeInKeyFile(path, one.id)).rejects.toMatchObject({ code: "not_found" });
  await addToKeyFile(path, one);
  await addToKeyFile(path, two);
  await revokeInKeyFile(path, one.id);
  expect(await readKeyFile(path)).toEqual([two]);
  await expect(revokeInKeyFile(path, one.id)).rejects.toMatchObject({ code: "not_found" });
});

test("the error about an invalid file has its name and not its content, and the file is not overwritten", async () => {
  path = join(folder, "keys.json");
  const { key } = make("one");
  const bad = ["", "{", "[]", '{"keys":{}}', '{"keys":["hunter2"]}', JSON.stringify({ keys: [key, key] })];
  for (const text of bad) {
    writeFileSync(path, text);
    const error = (await readKeyFile(path).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: "invalid_argument" });
    expect(error.message).toContain(path);
    expect(error.message).not.toContain("hunter2");
    await expect(addToKeyFile(path, key)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});

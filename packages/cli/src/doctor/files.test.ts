import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFiles } from "./files.ts";

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-files-"));
  data = join(folder, "redis");
  mkdirSync(join(data, "appendonlydir"), { recursive: true });
  for (const path of [folder, data, join(data, "appendonlydir")]) chmodSync(path, 0o755);
  for (const name of ["dump.rdb", "appendonlydir/appendonly.aof"]) {
    writeFileSync(join(data, name), "payloads");
    chmodSync(join(data, name), 0o644);
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("files that every local user can read are reported, also in subfolders", async () => {
  expect((await openFiles(data)).sort()).toEqual([
    join(data, "appendonlydir/appendonly.aof"),
    join(data, "dump.rdb"),
  ]);
});

test.each([
  ["the file", "dump.rdb", 0o640],
  ["its folder", "appendonlydir", 0o750],
])(
  "files are not reported if their mode, or the mode of a folder above, protects them: %s",
  async (_what, name, mode) => {
    chmodSync(join(data, name), mode);
    expect(await openFiles(data)).toHaveLength(1);
    chmodSync(folder, 0o700);
    expect(await openFiles(data)).toEqual([]);
  },
);

import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, type RedisServer, startRedisServer } from "@holdfast/testing";
import { Observer } from "holdfast";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("thumbnails.mjs", import.meta.url));
let redis: RedisServer;
let observer: Observer;
let out: string;

beforeAll(async () => {
  redis = await startRedisServer();
  observer = new Observer({ redis: redis.url });
  out = await mkdtemp(join(tmpdir(), "holdfast-thumbnails-"));
});

afterAll(async () => {
  await observer?.close();
  await redis?.stop();
  if (out) await rm(out, { recursive: true, force: true });
});

/** Runs the example as a separate process, like a user. */
async function run(args: string[] = [], url = redis.url) {
  const env = { ...process.env, REDIS_URL: url };
  return promisify(execFile)(process.execPath, [script, ...args, "--out", out], { env, timeout: 25_000 });
}

test("eleven images become thumbnails, and the broken one becomes a dead letter until it is mended and replayed", async () => {
  const first = await run();
  expect(first.stdout).toMatch(
    /dead {2}image-07\.jpg: fatal: FatalError: image-07\.jpg cannot be read as an image/,
  );
  expect(first.stdout).toContain("11 completed, 1 dead");
  expect(await readdir(join(out, "thumbnails"))).toHaveLength(11);
  const { tasks } = await observer.list("thumbnails", { state: "dead" });
  expect(tasks).toMatchObject([{ type: "image.thumbnail", deadReason: "fatal", attempts: 1 }]);

  const second = await run(["mend"]);
  expect(second.stdout).toContain("dead letters replayed: 1");
  expect(second.stdout).toContain("1 completed, 0 dead");
  const mended = await observer.task("thumbnails", tasks[0]?.id ?? "");
  expect(mended).toMatchObject({ state: "completed", generation: 1, attempts: 1 });
  expect(mended?.history.map(({ outcome }) => outcome)).toEqual(["failed", "acked"]);
  expect((await readdir(join(out, "thumbnails"))).sort()).toEqual(
    Array.from({ length: 12 }, (_, index) => `image-${String(index + 1).padStart(2, "0")}.webp`),
  );
  const { format, width } = await sharp(join(out, "thumbnails", "image-07.webp")).metadata();
  expect({ format, width }).toEqual({ format: "webp", width: 320 });
  expect(await observer.audit("thumbnails")).toMatchObject({ violations: [] });
});

test("if no Redis answers, the example names the address and ends with 1", async () => {
  const port = await freePort();
  const failure = await run([], `redis://127.0.0.1:${port}`).catch((error) => error);
  expect(failure.code).toBe(1);
  expect(failure.stderr).toContain(`cannot reach Redis at 127.0.0.1:${port}`);
});

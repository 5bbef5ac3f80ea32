import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedisServer, until } from "@holdfast/testing";
import { Observer } from "holdfast";
import { expect, test } from "vitest";
import { cliFor, start } from "./support.ts";

const line = (n: number) => `{"type":"ok","payload":${n}}\n`;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** A proxy to Redis. Once a command contains this text, the proxy drops the reply and accepts no more connections. */
async function wayThatEndsAt(text: string, redisPort: number) {
  const server = createServer((client) => {
    const redis = connect(redisPort, "127.0.0.1");
    let isLast = false;
    for (const socket of [client, redis]) socket.on("error", () => {});
    client.on("close", () => redis.destroy());
    client.on("data", (chunk) => {
      if (chunk.includes(text)) {
        isLast = true;
        server.close();
      }
      redis.write(chunk);
    });
    redis.on("data", (chunk) => (isLast ? client.destroy() : client.write(chunk)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

test("a lost reply is reported with the task's id, and a repeat with that id does not make a second task", async () => {
  const redis = await startRedisServer();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  const observer = new Observer({ redis: redis.url });
  const { cli, json } = cliFor(() => redis.url);
  try {
    // This enqueue loads the script. Without it, the dropped reply would be NOSCRIPT, and the script would not have
    // run.
    await json("enqueue", "q", "ok", "0");
    const [file, rejects] = [join(folder, "tasks.ndjson"), join(folder, "rejects.ndjson")];
    await writeFile(file, '{"type":"ok","payload":"me too"}\n');
    const one = await wayThatEndsAt("cut-me", redis.port);
    const many = await wayThatEndsAt("me too", redis.port);
    // Both commands send for more than ten seconds, so they run at the same time.
    const [lost, sent] = await Promise.all([
      cli("--redis", one.url, "enqueue", "q", "ok", '"cut-me"'),
      cli("--redis", many.url, "enqueue", "q", "--ndjson", file, "--rejects", rejects),
    ]);
    one.stop();
    many.stop();
    expect((await observer.stats("q")).pending).toBe(3);
    expect(lost).toMatchObject({ code: 5, stdout: "" });
    expect(lost.stderr).toMatch(/^holdfast: [^\n]+\n$/);
    const id = / --id (\S+) --if-ended duplicate$/m.exec(lost.stderr)?.[1] ?? "";
    expect(await json("enqueue", "q", "ok", '"cut-me"', "--id", id, "--if-ended", "duplicate")).toMatchObject(
      {
        id,
        duplicate: true,
      },
    );
    expect((await observer.stats("q")).pending).toBe(3);

    expect(sent.code).toBe(5);
    expect((await cli("enqueue", "q", "--ndjson", rejects)).code).toBe(0);
    expect((await observer.stats("q")).pending).toBe(3);
  } finally {
    await observer.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

test("if Redis dies during a long input, each line is accepted or written to a file, and a repeat enqueues it once", async () => {
  // With "appendfsync always", Redis still has everything after a kill that it had confirmed before.
  const redis = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
  const folder = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  const observer = new Observer({ redis: redis.url });
  const pending = async () => (await observer.stats("q").catch(() => null))?.pending ?? 0;
  const rejects = join(folder, "rejects.ndjson");
  const { cli } = cliFor(() => redis.url);
  try {
    const running = start(["enqueue", "q", "--ndjson", "-", "--rejects", rejects, "--json"], {
      REDIS_URL: redis.url,
    });
    running.child.stdin?.write(range(0, 500).map(line).join(""));
    await until("the first 500 tasks are stored", async () => (await pending()) === 500);
    await redis.kill();
    running.child.stdin?.end(range(500, 1_700).map(line).join(""));
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({ lines: 1_700, accepted: 500, refused: 500, unsent: 700 });
    expect(stderr).toContain("Redis does not answer: stopped after 500 accepted tasks");
    expect((await readFile(rejects, "utf8")).trimEnd().split("\n")).toHaveLength(1_200);

    await redis.start();
    await until("Redis is back", async () => (await pending()) >= 500);
    expect((await cli("enqueue", "q", "--ndjson", rejects)).code).toBe(0);
    const seen = new Set<string>();
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await observer.list("q", { state: "pending", limit: 100, ...(cursor ? { cursor } : {}) });
      for (const { payloadText } of page.tasks) {
        expect(seen.has(payloadText)).toBe(false);
        seen.add(payloadText);
      }
      cursor = page.cursor;
    }
    expect(seen.size).toBe(1_700);
  } finally {
    await observer.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

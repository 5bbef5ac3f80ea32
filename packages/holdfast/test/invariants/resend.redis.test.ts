import { startRedisServer } from "@holdfast/testing";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { Engine } from "../../src/engine/engine.ts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { Connection } from "../../src/redis/connection.ts";
import { afterwards } from "../support/library.ts";
import { startLossyProxy } from "../support/lossy-proxy.ts";

async function lossy() {
  const server = await startRedisServer();
  afterwards(() => server.stop());
  const proxy = await startLossyProxy(server.port);
  afterwards(() => proxy.stop());
  const connection = new Connection(`redis://127.0.0.1:${proxy.port}`);
  afterwards(() => connection.close());
  await connection.check();
  const redis = new Redis(server.port, "127.0.0.1");
  afterwards(async () => redis.disconnect());
  return { proxy, connection, redis };
}

test("a command whose reply was lost is never sent again by the client library itself", async () => {
  const { proxy, connection, redis } = await lossy();
  const once = { name: "once", keyCount: 0, sha1: "0".repeat(40), source: "", argv: () => [] };
  proxy.loseReplyTo("list-of-one");
  // With a time limit of 1 ms, the library does not repeat the call, so the outcome is unknown. Only ioredis could
  // send it again.
  const script = {
    ...once,
    source: "#!lua\nreturn redis.call('LPUSH', 'list-of-one', 'x')",
  };
  await expect(connection.script(script, {} as never, {}, 1)).rejects.toMatchObject({
    code: "outcome_unknown",
  });
  expect(proxy.lost).toBe(1);
  // The connection works again. A call that ioredis sent again would have run before this one.
  await connection.command("PING");
  expect(await redis.llen("list-of-one")).toBe(1);
});

test("an acquire whose reply was lost leaves no task leased to nobody", async () => {
  const { proxy, connection, redis } = await lossy();
  const engine = new Engine(connection, "q", { instance: "lossy" });
  const tail = ["a", "b"].flatMap((id) => [id, encodeEnvelope("t", 1, "{}")]);
  await engine.enqueue({ checked: false, high: 0, normal: 2, low: 0, tail });
  proxy.loseReplyTo("worker-of-lost-reply");
  const { grants } = await engine.acquire({
    want: 1,
    held: 0,
    leaseMs: 30_000,
    maxRetries: 3,
    workerId: "worker-of-lost-reply",
    nonce: "n",
    park: false,
    noHandlerAfterMs: 86_400_000,
  });
  expect(proxy.lost).toBe(1);
  expect(grants.map(({ id }) => id)).toEqual(["a"]);
  expect(await redis.zrange(engine.keys.processing, "0", "-1")).toEqual(["a"]);
});

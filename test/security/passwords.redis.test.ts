import { Holdfast, type HoldfastError, Queue } from "holdfast";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { clientOf, failure, prefix } from "./roles.ts";
import { startSecuredRedis } from "./secured-redis.ts";

test("a client without the right password is refused, and the message names the variables to check", async () => {
  const redis = await startSecuredRedis();
  for (const url of [
    `redis://127.0.0.1:${redis.port}`,
    `redis://:guess@127.0.0.1:${redis.port}`,
    `redis://producer:guess@127.0.0.1:${redis.port}`,
  ]) {
    const client = new Holdfast({ redis: url });
    afterwards(() => client.close());
    const error: HoldfastError = await client.check(1_000).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe("redis_refused");
    expect(error.message).toContain("REDIS_USERNAME and REDIS_PASSWORD");
    expect(error.message).not.toContain("guess");
  }
});

test("a password can be rotated without an outage, and the old password is refused afterwards", async () => {
  const redis = await startSecuredRedis();
  const old = redis.url("producer");
  const before = await clientOf(redis, "producer");
  const queue = new Queue("work", { client: before });
  await queue.enqueue("t", 1);
  const fresh = redis.rotate("producer");
  await redis.admin.acl("SETUSER", "producer", `>${fresh}`);
  const after = await clientOf(redis, "producer");
  await queue.enqueue("t", 1);
  await new Queue("work", { client: after }).enqueue("t", 1);
  await redis.admin.acl("LOAD");
  // ACL LOAD closes the connection. The client then connects again with the new password.
  expect(await failure(new Queue("work", { client: after }).enqueue("t", 1))).toBe("fulfilled");
  const late = new Holdfast({ redis: old, prefix });
  afterwards(() => late.close());
  expect(await failure(late.check(500))).toBe("redis_refused");
  expect(old).not.toBe(redis.url("producer"));
});

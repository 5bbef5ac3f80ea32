import { describe, expect, test } from "vitest";
import { expectAbortSafe, type Scenario } from "../support/abort.ts";
import {
  expectDeadAfterGrants,
  expectFenced,
  expectReapSpoilsToken,
  expectRunningLeaseIsLeft,
} from "../support/fence.ts";
import { all, replaceOnce } from "../support/replace-once.ts";
import { type Mutate, setup } from "../support/setup.ts";
import type { TestQueue } from "../support/test-queue.ts";

const reapOne: Scenario = {
  script: "reap",
  async prepare(q) {
    await q.add("a");
    await q.grant();
    q.advance(30_001);
    return { accepted: ["a"] };
  },
  call: (q) => q.engine.reap(10),
};

const settleOne: Scenario = {
  script: "settle",
  async prepare(q) {
    await q.add("a");
    q.held = [await q.grant()];
    return { accepted: ["a"] };
  },
  call: (q) =>
    q.engine.settle(
      q.held.map(({ id, fence }) => ({ kind: "fail", id, fence, delayMs: 5, error: "x" })),
      q.roundTripArgs(),
    ),
};

interface Mutant {
  name: string;
  mutate: Mutate;
  /**
   * The check that the test of the real script makes. With a mutant (a copy of the script with one error), it has to
   * fail.
   */
  property: (queue: TestQueue, mutate?: Mutate) => Promise<unknown>;
}

const mutants: Mutant[] = [
  {
    name: "settle accepts an ack under any token",
    mutate: replaceOnce("settle", "if current ~= fence then", "if not current then"),
    property: expectFenced,
  },
  {
    name: "settle accepts a fail or release under any token",
    mutate: replaceOnce("settle", "elseif current == fence then", "elseif current then"),
    property: expectFenced,
  },
  {
    name: "settle answers a refused verdict with acked",
    mutate: replaceOnce("settle", "if fence and record and string.match", "if record and string.match"),
    property: expectFenced,
  },
  {
    name: "reap keeps the token",
    mutate: replaceOnce("reap", "'p' .. countsText(c) .. history", "record"),
    property: expectReapSpoilsToken,
  },
  {
    name: "reap does not check the expiry again",
    mutate: replaceOnce("reap", "KEYS[8], '-inf', nowText, 'LIMIT'", "KEYS[8], '-inf', '+inf', 'LIMIT'"),
    property: expectRunningLeaseIsLeft,
  },
  {
    name: "heartbeat accepts any token",
    mutate: replaceOnce("heartbeat", "if fence ~= ARGV[3 + 2 * i - 1] or", "if not fence or"),
    property: async (q) => {
      await q.add("a");
      await q.grant();
      expect(await q.engine.heartbeat(["a", "1-forged"], 1_000)).toBe("l");
    },
  },
  {
    name: "attempts are counted at failure, not at the grant",
    mutate: all(
      replaceOnce("acquire", "flags = '', counts = '1',", "flags = '', counts = '0',"),
      replaceOnce("acquire", "'1,0,0,0,0,0,' ..", "'0,0,0,0,0,0,' .."),
      replaceOnce("acquire", "c.attempts = c.attempts + 1", ""),
      replaceOnce(
        "settle",
        "c.failures = c.failures + 1",
        "c.failures, c.attempts = c.failures + 1, c.attempts + 1",
      ),
    ),
    property: (q) => expectDeadAfterGrants(q, 2),
  },
  {
    name: "reap removes the source before it writes the target",
    mutate: all(
      replaceOnce("reap", "redis.call('ZREM', KEYS[8], unpack(ids))\n", ""),
      replaceOnce("reap", "local bandNames", "redis.call('ZREM', KEYS[8], unpack(ids))\nlocal bandNames"),
    ),
    property: (_, mutate) => expectAbortSafe(reapOne, { repeat: true, ...(mutate ? { mutate } : {}) }),
  },
  {
    name: "settle removes the source before it writes the target",
    mutate: replaceOnce(
      "settle",
      "if writeOthers then\nwriteOthers(settled)\nend\n",
      "redis.call('ZREM', KEYS[9], unpack(settled.gone))\nif writeOthers then\nwriteOthers(settled)\nend\n",
    ),
    property: (_, mutate) => expectAbortSafe(settleOne, { repeat: false, ...(mutate ? { mutate } : {}) }),
  },
];

describe.each(mutants)("$name", ({ mutate, property }) => {
  test("the real script passes", async () => {
    await property(await setup());
  });

  test("the mutant is caught by an assertion", async () => {
    const queue = await setup({ mutate });
    queue.corrupted = true;
    const outcome: unknown = await property(queue, mutate).then(
      () => "the mutant passed",
      (error: unknown) => error,
    );
    // The mutant has to fail an assertion. An error of another kind, for example from Redis, would prove nothing.
    expect(outcome).toBeInstanceOf(Error);
    expect((outcome as Error).name).toBe("AssertionError");
  });
});

test("a mutation that does not fit the script is an error, not a pass", async () => {
  const queue = await setup({ mutate: replaceOnce("reap", "no such line", "") });
  await expect(queue.engine.reap(1)).rejects.toThrow("expected it once");
});

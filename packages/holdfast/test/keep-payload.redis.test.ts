import { describe, expect, test } from "vitest";
import { replaceOnce } from "./support/replace-once.ts";
import { setup } from "./support/setup.ts";

describe("ack", () => {
  test("that completes a task with keepPayload: false removes the payload", async () => {
    const q = await setup();
    const payloadText = JSON.stringify({ text: "x".repeat(500) });
    await q.add(["done", "result", "dies"], { payloadText, keepPayload: false, maxRetries: 1 });
    await q.add("named", { payloadText, keepPayload: false, fingerprint: "fp" });
    const released = await q.grant();
    await q.engine.settle(
      [{ kind: "release", id: released.id, fence: released.fence }],
      q.roundTripArgs({ want: 0 }),
    );
    expect(await q.task("done")).toMatchObject({ state: "pending", payloadText, payloadKept: true });

    const { grants } = await q.acquire(4);
    expect(grants.map((grant) => grant.envelope.endsWith(payloadText))).toEqual([true, true, true, true]);
    for (const grant of grants) {
      if (grant.id === "dies") await q.fatal(grant);
      else expect(await q.ack(grant, grant.id === "result" ? "1" : undefined)).toBe("acked");
      if (grant.id === "done") expect(await q.ack(grant)).toBe("acked");
    }
    const gone = { state: "completed", payloadText: "", payloadBytes: 0, payloadKept: false, type: "t" };
    expect(await q.task("done")).toMatchObject(gone);
    expect(await q.task("result")).toMatchObject({ ...gone, resultText: "1" });
    expect(await q.task("named")).toMatchObject(gone);
    expect(await q.task("dies")).toMatchObject({ state: "dead", payloadText, payloadKept: true });
    expect(await q.redis.hmget(q.keys.tasks, "done", "result", "named")).toEqual([null, null, null]);
    expect(await q.headers()).toBe(3);
  });

  test("of several tasks of one grant removes only the payloads of tasks with keepPayload: false", async () => {
    const q = await setup();
    await q.add(["a", "b", "c"], { payloadText: "[1]", keepPayload: false });
    await q.add(["kept", "too"], { payloadText: "[1]" });
    const { grants } = await q.acquire(5);
    const acks = grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence }));
    expect(await q.settle(acks)).toEqual(Array(5).fill("acked"));
    expect(await q.redis.hmget(q.keys.tasks, "a", "b", "c")).toEqual([null, null, null]);
    for (const id of ["a", "b", "c"])
      expect(await q.task(id)).toMatchObject({ type: "t", payloadKept: false });
    for (const id of ["kept", "too"]) expect(await q.task(id)).toMatchObject({ payloadText: "[1]" });
    expect(await q.headers()).toBe(3);
  });

  test("that completes a task with keepPayload: false keeps everything else of the task", async () => {
    const q = await setup();
    const options = { priority: "low" as const, tags: ["a b", "k=0"], timeoutMs: 9_000, delayMs: 5 };
    await q.add("a", { ...options, type: "mail.send", payloadText: "[1]", keepPayload: false });
    q.advance(5);
    await q.engine.promote(1);
    await q.fail(await q.grant(), "Error: no", 7);
    q.advance(7);
    await q.engine.promote(1);
    const grant = await q.grant();
    q.advance(42);
    const before = await q.task("a");
    expect(await q.ack(grant, "2")).toBe("acked");
    expect(await q.redis.hexists(q.keys.tasks, "a")).toBe(0);
    expect(await q.task("a")).toEqual({
      ...before,
      ...{ state: "completed", payloadText: "", payloadBytes: 0, payloadKept: false, resultText: "2" },
      ...{ endedAt: q.now, leaseExpiresAt: null, runAt: null },
      history: [
        before.history[0],
        { ...before.history[1], outcome: "acked", startedAt: q.now - 42, endedAt: q.now },
      ],
    });
    expect(before).toMatchObject({ attempts: 2, failures: 1, tags: ["a b", "k=0"], priority: "low" });
  });

  test("can be repeated, although it has removed the payload", async () => {
    const q = await setup();
    await q.add(["a", "b"], { keepPayload: false });
    const grant = await q.grant();
    const other = await q.grant();
    expect(await q.ack(grant)).toBe("acked");
    expect(await q.ack(grant)).toBe("acked");
    expect(await q.ack({ ...grant, fence: other.fence })).toBe("stale");
    expect(await q.fail(grant)).toBe("stale");
  });

  test("beyond the retention also purges tasks without a payload", async () => {
    const q = await setup();
    await q.engine.configure({ retentionCount: 2 });
    for (const keepPayload of [false, true, false, false, true, false]) {
      await q.add(`t${q.now}`, { keepPayload });
      await q.ack(await q.grant());
      q.advance(1);
    }
    expect(await q.stats()).toMatchObject({ completed: 2, totals: { purged: 4 } });
    expect(await q.headers()).toBe(1);
  });

  test("that is aborted before its commit removes no payload", async () => {
    const q = await setup({
      mutate: replaceOnce("settle", "\nif grants.claim then\n", "\nerror('dies')\nif grants.claim then\n"),
    });
    await q.add("a", { payloadText: '"kept"', keepPayload: false });
    const grant = await q.grant();
    await expect(q.ack(grant)).rejects.toThrow("dies");
    q.mutate = undefined;
    // The aborted settle may leave an index entry. It is removed here, because the audit after the test would report
    // it.
    await q.redis.del(q.keys.completed);
    expect(await q.task("a")).toMatchObject({
      state: "processing",
      payloadText: '"kept"',
      payloadKept: true,
    });
    expect(await q.ack(grant)).toBe("acked");
    expect(await q.task("a")).toMatchObject({ state: "completed", payloadKept: false });
  });
});

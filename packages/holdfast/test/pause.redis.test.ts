import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("stops the granting, lets running tasks settle, and shows its reason", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  const grant = await q.grant();
  await q.engine.pause(true, "deploy 50%\nof é");
  expect(await q.stats()).toMatchObject({ paused: true, pauseReason: "deploy 50%\nof é" });
  expect((await q.acquire(1)).grants).toEqual([]);
  const turn = await q.engine.settle([{ kind: "ack", ...grant }], q.turnArgs({ want: 1 }));
  expect(turn).toMatchObject({ outcomes: ["acked"], grants: [], paused: true });
  expect(await q.add("c")).toBe("n");
});

test("resume goes on where it was, and forgets the reason", async () => {
  const q = await setup();
  await q.add("a");
  await q.engine.pause(true, "why");
  await q.engine.pause(false);
  expect(await q.stats()).toMatchObject({ paused: false, pauseReason: null });
  expect((await q.grant()).id).toBe("a");
});

test("leaves the other settings alone", async () => {
  const q = await setup();
  const settings = await q.engine.configure({ maxWaiting: 7, retentionMs: 8 });
  await q.engine.pause(true);
  expect((await q.stats()).settings).toEqual(settings);
});

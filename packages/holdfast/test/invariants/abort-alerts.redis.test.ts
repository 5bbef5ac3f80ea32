import { wholeRule } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { AlertStore, newNotification } from "../../src/engine/alert-store.ts";
import { abortAt } from "../support/abort.ts";
import { setup } from "../support/setup.ts";
import type { TestQueue } from "../support/test-queue.ts";

const LEASE_MS = 10_000;
const rule = wholeRule({ when: { kind: "no_workers" }, targets: ["ops"] });
const target = { kind: "slack", url: "https://hooks.example.com/", secrets: [] } as const;
const message = { kind: "firing", rule: "r", when: null, queues: [], more: 0, at: 1 } as const;
const told = { orders: { since: 1, firedAt: 1, toldAt: 1 } };

/**
 * Makes alerts whose rules `me` evaluates. The rule "r" has a state and a message that waits to be sent. The deleted
 * rule "gone" has alerts whose end was not reported yet.
 */
async function scene() {
  const q = await setup();
  const store = new AlertStore(q.engine.connection, q.name, () => q.now);
  await store.putTarget("ops", { ...target, secrets: [] });
  await store.putRule("r", rule);
  await store.putRule("muted", rule);
  await store.mute("muted", { by: "ada", at: 1, until: null, reason: null });
  await store.turn("me", LEASE_MS);
  const waits = newNotification("ops", { ...message, queues: [] });
  await store.write("me", { state: { rule: "r", state: told }, waiting: [waits] });
  await store.putRule("gone", rule);
  await store.write("me", { state: { rule: "gone", state: told } });
  await store.deleteRule("gone");
  return { q, store, waits, revision: await store.revision() };
}
type Scene = Awaited<ReturnType<typeof scene>>;

interface Case {
  script: string;
  call(scene: Scene): Promise<unknown>;
  callsAtLeast: number;
  /** Checks the state that an aborted call has left. */
  expectLeft(scene: Scene): Promise<void>;
}

/** Readers notice a change because the revision changes. */
async function expectNoticed({ store, revision }: Scene, isChanged: boolean): Promise<void> {
  if (isChanged) expect(await store.revision()).toBeGreaterThan(revision);
}

const cases: Record<string, Case> = {
  "put of a rule": {
    script: "alertPut",
    call: ({ store }) => store.putRule("r", { ...rule, forMs: 5 }),
    callsAtLeast: 3,
    async expectLeft(scene) {
      const found = (await scene.store.read()).rules.find(({ name }) => name === "r");
      await expectNoticed(scene, found?.forMs === 5);
    },
  },
  "delete of a rule": {
    script: "alertPut",
    call: ({ store }) => store.deleteRule("r"),
    callsAtLeast: 6,
    async expectLeft(scene) {
      const { rules, deleted } = await scene.store.read();
      await expectNoticed(scene, rules.length === 1);
      // Either the rule still exists, or it is in the list of deleted rules, with the alerts whose end has to be
      // reported.
      expect([...rules, ...deleted].filter(({ name }) => name === "r")).toMatchObject([
        { ...rule, state: told },
      ]);
    },
  },
  "put of a rule that was deleted": {
    script: "alertPut",
    call: ({ store }) => store.putRule("gone", rule),
    callsAtLeast: 5,
    async expectLeft({ store }) {
      const { rules, deleted } = await store.read();
      expect([...rules, ...deleted].filter(({ name }) => name === "gone")).toMatchObject([{ state: told }]);
      await store.putRule("gone", rule);
      await store.deleteRule("gone");
      expect((await store.read()).deleted).toMatchObject([{ name: "gone", state: told }]);
    },
  },
  "a turn that takes over": {
    script: "alertTurn",
    call({ q, store }) {
      q.advance(LEASE_MS);
      return store.turn("other", LEASE_MS);
    },
    callsAtLeast: 2,
    async expectLeft({ q, store }) {
      q.advance(LEASE_MS);
      expect(await store.turn("third", LEASE_MS)).toMatchObject({ isOwner: true });
    },
  },
  "write of a decision": {
    script: "alertWrite",
    call: ({ store }) =>
      store.write("me", {
        state: { rule: "r", state: {} },
        waiting: [newNotification("ops", { ...message, kind: "resolved", queues: [] })],
      }),
    callsAtLeast: 3,
    async expectLeft({ store, waits }) {
      const { rules, waiting } = await store.read();
      // The state and the message about its change are stored together, or neither of them.
      const isResolved = Object.keys(rules.find(({ name }) => name === "r")?.state ?? {}).length === 0;
      expect(waiting.map(({ message }) => message.kind).sort()).toEqual(
        isResolved ? ["firing", "resolved"] : ["firing"],
      );
      expect(waiting.map(({ id }) => id)).toContain(waits.id);
    },
  },
  "write of the end of a deleted rule": {
    script: "alertWrite",
    call: ({ store }) =>
      store.write("me", {
        state: { rule: "gone", state: {}, isDeleted: true },
        waiting: [newNotification("ops", { ...message, kind: "resolved", queues: [] })],
      }),
    callsAtLeast: 4,
    async expectLeft({ store }) {
      const { deleted, waiting } = await store.read();
      const isTold = waiting.some(({ message }) => message.kind === "resolved");
      // Until the end was reported, the deleted rule keeps the state. Afterwards it does not, so the end is not
      // reported twice.
      expect(deleted.filter(({ state }) => "orders" in state)).toHaveLength(isTold ? 0 : 1);
    },
  },
  "write of a delivery": {
    script: "alertWrite",
    call: ({ store, waits }) =>
      store.write("me", { ended: [{ ...waits, outcome: "delivered", endedAt: 2 }] }),
    callsAtLeast: 4,
    async expectLeft({ store, waits }) {
      // The message is always in one of the two lists. If it still waits, it is sent again.
      const found = await store.notification(waits.id);
      expect(["waiting", "delivered"]).toContain(found?.outcome);
    },
  },
};

test.each(Object.entries(cases))(
  "%s: if it is aborted at any call, no change and no message is lost",
  async (_name, { script, call, callsAtLeast, expectLeft }) => {
    for (let at = 1; ; at++) {
      const here = await scene();
      const { q } = here;
      q.mutate = abortAt(script, at);
      const aborted = await call(here).then(
        () => false,
        (error: Error) => {
          if (!error.message.includes(`aborted at call ${at}`)) throw error;
          return true;
        },
      );
      q.mutate = undefined;
      await expectLeft(here);
      if (!aborted) {
        expect(at - 1).toBeGreaterThanOrEqual(callsAtLeast);
        return;
      }
    }
  },
);

const owner = async ({ q, store }: { q: TestQueue; store: AlertStore }, name: string) => {
  const { isOwner, idleMs } = await store.turn(name, LEASE_MS);
  return [isOwner, idleMs, q.now];
};

test("one process evaluates the rules until its lease expires, and only that one may write", async () => {
  const here = await scene();
  const { q, store } = here;
  const begin = q.now;
  expect(await owner(here, "other")).toEqual([false, 0, begin]);
  expect(await store.write("other", { waiting: [] })).toBe(false);
  q.advance(LEASE_MS - 1);
  expect(await owner(here, "other")).toEqual([false, 0, begin + LEASE_MS - 1]);
  q.advance(1);
  expect(await store.write("me", { waiting: [] })).toBe(false);
  q.advance(7_000);
  expect(await owner(here, "other")).toEqual([true, 7_000, begin + LEASE_MS + 7_000]);
  expect(await owner(here, "me")).toEqual([false, 0, begin + LEASE_MS + 7_000]);
  expect(await store.write("me", { state: { rule: "r", state: {} } })).toBe(false);
  expect((await store.read()).rules.find(({ name }) => name === "r")?.state).toEqual(told);
});

test("a rule that was deleted meanwhile keeps its state until its end is told", async () => {
  const { store } = await scene();
  const later = { mail: { since: 2, firedAt: 2, toldAt: 2 } };
  expect(await store.write("me", { state: { rule: "gone", state: later } })).toBe(true);
  expect((await store.read()).deleted).toMatchObject([{ ...rule, name: "gone", state: later }]);
  await store.write("me", { state: { rule: "gone", state: {}, isDeleted: true } });
  expect((await store.read()).deleted).toEqual([]);
  // A state that is written after the deletion is dropped, because nobody would ever end its alerts.
  await store.write("me", { state: { rule: "gone", state: later } });
  await store.putRule("gone", rule);
  expect((await store.read()).rules.find(({ name }) => name === "gone")?.state).toEqual({});
});

test("a rule that is written again after it was deleted keeps its state, as if it had been replaced", async () => {
  const { store } = await scene();
  expect(await store.putRule("gone", rule)).toBe(true);
  const { rules, deleted } = await store.read();
  expect(deleted).toEqual([]);
  expect(rules.find(({ name }) => name === "gone")?.state).toEqual(told);
});

test("a rule that is written again keeps its state and its mute", async () => {
  const { store } = await scene();
  expect(await store.putRule("r", { ...rule, forMs: 7 })).toBe(false);
  expect((await store.read()).rules.find(({ name }) => name === "r")).toMatchObject({
    forMs: 7,
    state: told,
  });
  await store.putRule("muted", rule);
  expect((await store.read()).rules.find(({ name }) => name === "muted")?.mute).toMatchObject({ by: "ada" });
  await store.deleteRule("muted");
  await store.putRule("muted", rule);
  expect((await store.read()).rules.find(({ name }) => name === "muted")?.mute).toBeNull();
});

test("the number of rules and of targets is limited, and at the limit existing ones can still be changed", async () => {
  const { store } = await scene();
  for (let at = 0; at < 19; at++) await store.putTarget(`t${at}`, { ...target, secrets: [] });
  const more = store.putTarget("more", { ...target, secrets: [] });
  await expect(more).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("20") });
  expect(await store.putTarget("t1", { ...target, secrets: [] })).toBe(false);
  await expect(store.mute("nobody", null)).rejects.toMatchObject({ code: "not_found" });
  await expect(store.deleteTarget("ops")).rejects.toMatchObject({ code: "conflict" });
});

test("the newest 500 ended messages are kept", async () => {
  const { store } = await scene();
  const ended = Array.from({ length: 501 }, (_, at) => ({
    ...newNotification("ops", { ...message, queues: [], at }),
    ...{ outcome: "delivered" as const, endedAt: at },
  }));
  for (let from = 0; from < ended.length; from += 100)
    await store.write("me", { ended: ended.slice(from, from + 100) });
  const kept = (await store.notifications(1_000)).filter(({ outcome }) => outcome === "delivered");
  expect([kept.length, kept[0]?.endedAt, kept.at(-1)?.endedAt]).toEqual([500, 500, 1]);
});

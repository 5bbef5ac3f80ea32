import { expect, test } from "vitest";
import type { OperationSpec } from "../../src/engine/operation-store.ts";
import { OperationStore } from "../../src/engine/operation-store.ts";
import { abortAt } from "../support/abort.ts";
import { setup } from "../support/setup.ts";
import type { TestQueue } from "../support/test-queue.ts";

const LEASE_MS = 10_000;
const by = {
  actor: "ops",
  keyId: null,
  role: "admin",
  from: "::1",
  requestId: "r1",
  clientRequestId: null,
  reason: "why",
} as const;

interface Scene {
  q: TestQueue;
  store: OperationStore;
  /** The id of a discard operation that has ended. */
  discarded: string;
  /** The id of a replay operation that `me` has claimed. */
  held: string;
}

const spec = (q: TestQueue, kind: OperationSpec["kind"]): OperationSpec => ({
  ...{ kind, queue: q.name, selection: { filter: {} }, by },
});

async function scene(): Promise<Scene> {
  const q = await setup();
  const store = new OperationStore(q.engine.connection, q.name, () => q.now);
  const { id: discarded, ...rest } = await store.create(spec(q, "discard"), 1);
  await store.claim("other", LEASE_MS);
  const view = JSON.stringify({ ...rest, state: "succeeded", endedAt: q.now, result: { discarded: 1 } });
  await store.write(discarded, "other", LEASE_MS, "end", { view });
  q.advance(1);
  const { id: held } = await store.create(spec(q, "replay"), 1);
  await store.claim("me", LEASE_MS);
  return { q, store, discarded, held };
}

/** Claims and ends every remaining operation. @returns their ids */
async function runAll({ q, store }: Scene): Promise<string[]> {
  const ran: string[] = [];
  q.advance(LEASE_MS + 1);
  // If a claim finds an operation that is missing or has ended, it only removes the index entry. So the loop claims
  // again.
  for (let looks = 0; looks < 10; looks++) {
    const claimed = await store.claim("last", LEASE_MS);
    if (!claimed) continue;
    ran.push(claimed.id);
    const { id: _id, startedAt: _startedAt, undoneAt: _undoneAt, ...view } = claimed.view;
    const ended = JSON.stringify({ ...view, state: "succeeded", endedAt: q.now });
    expect(await store.write(claimed.id, "last", LEASE_MS, "end", { view: ended })).not.toBeNull();
  }
  return ran;
}

interface Case {
  script: string;
  call(scene: Scene): Promise<unknown>;
  callsAtLeast: number;
  /** Whether the call may end the operation that `me` has claimed. */
  ends?: boolean;
}

const cases: Record<string, Case> = {
  "create of an operation that undoes a discard": {
    script: "operationCreate",
    call: ({ store, discarded }) => store.undo(discarded, by),
    callsAtLeast: 7,
  },
  "claim of an operation whose process is gone": {
    script: "operationClaim",
    call({ q, store }) {
      q.advance(LEASE_MS + 1);
      return store.claim("another", LEASE_MS);
    },
    callsAtLeast: 5,
  },
  "control, a cancel": {
    script: "operationControl",
    call: ({ store, held }) => store.control(held, "cancel"),
    callsAtLeast: 4,
  },
  "write, of progress": {
    script: "operationWrite",
    call: ({ store, held }) => store.write(held, "me", LEASE_MS, "run", { batch: "{}" }),
    callsAtLeast: 4,
  },
  "write that releases an operation": {
    script: "operationWrite",
    call: ({ store, held }) => store.write(held, "me", LEASE_MS, "release", { batch: "{}" }),
    callsAtLeast: 5,
  },
  "write that ends an operation": {
    script: "operationWrite",
    ends: true,
    async call({ q, store, held }) {
      const view = await store.get(held);
      const { id: _id, startedAt: _startedAt, undoneAt: _undoneAt, ...kept } = view ?? {};
      const ended = JSON.stringify({ ...kept, state: "succeeded", endedAt: q.now });
      return store.write(held, "me", LEASE_MS, "end", { view: ended });
    },
    callsAtLeast: 6,
  },
};

test.each(Object.entries(cases))(
  "%s: if it is aborted at any call, each operation still runs to its end, and an undo is not lost",
  async (_name, { script, call, callsAtLeast, ends = false }) => {
    for (let at = 1; ; at++) {
      const here = await scene();
      const { q, store, discarded, held } = here;
      q.mutate = abortAt(script, at);
      const aborted = await call(here).then(
        () => false,
        (error: Error) => {
          if (!error.message.includes(`aborted at call ${at}`)) throw error;
          return true;
        },
      );
      q.mutate = undefined;
      if (!aborted) {
        expect(at - 1).toBeGreaterThanOrEqual(callsAtLeast);
        return;
      }
      const ran = await runAll(here);
      if (!ends) expect(ran).toContain(held);
      expect(new Set(ran).size).toBe(ran.length);
      expect(await store.get(held)).toMatchObject({ state: "succeeded" });
      // The repeated call is refused only if the first one has created an operation.
      const undone = (await store.list()).operations.filter(({ undoes }) => undoes === discarded);
      if (undone.length === 0) await store.undo(discarded, by);
      else await expect(store.undo(discarded, by)).rejects.toMatchObject({ code: "conflict" });
      await runAll(here);
      const all = (await store.list()).operations;
      expect(all.map(({ state }) => state)).toEqual(["succeeded", "succeeded", "succeeded"]);
      expect(await q.redis.zcard(`${q.name}:{:system}:operations:running`)).toBe(0);
    }
  },
);

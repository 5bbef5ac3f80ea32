import { changeTasks } from "../../src/engine/change.ts";
import { setLimits } from "../../src/engine/limits.ts";
import type { Scenario } from "../support/abort.ts";

const request = { requestSlot: "#q:aborted:0", sequence: 1 };

/** Changes of tasks that wait. */
export const changeScenarios: Record<string, Scenario> = {
  "change that makes scheduled tasks of all priorities pending": {
    script: "change",
    callsAtLeast: 10,
    async prepare(q) {
      await q.add("h", { delayMs: 50, priority: "high" });
      await q.add("n", { delayMs: 60 });
      await q.add("k", { delayMs: 70, key: "k" });
      await q.add("retry");
      await q.fail(await q.grant(), "no", 90);
      await q.engine.acquire({ ...q.roundTripArgs({ want: 1 }), park: true });
      return { accepted: ["h", "n", "k", "retry"] };
    },
    call: (q) => changeTasks(q.engine, ["h", "n", "k", "retry"], { delayMs: 0 }, { request }),
  },
  "change that gives tasks a later time": {
    script: "change",
    callsAtLeast: 8,
    async prepare(q) {
      await q.add("n");
      await q.add("k", { key: "k" });
      await q.add("s", { delayMs: 50 });
      return { accepted: ["n", "k", "s"] };
    },
    call: (q) => changeTasks(q.engine, ["n", "k", "s"], { delayMs: 20, payloadText: "2" }, { request }),
  },
  "change of a priority and a key": {
    script: "change",
    callsAtLeast: 10,
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["plain", "other"]);
      await q.add(["a1", "a2"], { key: "a" });
      await q.add("b1", { key: "b", priority: "high" });
      const held = (await q.acquire(1)).grants;
      return { accepted: ["plain", "other", "a1", "a2", "b1"], held };
    },
    call: (q) => changeTasks(q.engine, ["plain", "a2", "a1"], { priority: "low", key: "b" }, { request }),
  },
  "change that takes the key away": {
    script: "change",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2"], { key: "a" });
      return { accepted: ["a1", "a2"] };
    },
    call: (q) => changeTasks(q.engine, ["a1", "a2"], { key: null }, { request }),
  },
  "change into a key with cancel-running": {
    script: "change",
    callsAtLeast: 15,
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1, whenFull: "cancel-running" } });
      await q.add("old", { key: "a", fingerprint: "fp" });
      await q.add("new", { key: "b" });
      return { accepted: ["old", "new"] };
    },
    call: (q) => changeTasks(q.engine, ["new"], { key: "a" }, { request }),
  },
};

import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import * as generated from "../../src/redis/generated/index.ts";
import { expectAbortSafe, type Scenario } from "../support/abort.ts";
import { afterwards } from "../support/library.ts";
import { redisUrl } from "../support/setup.ts";
import { park, scenarios } from "./abort-scenarios.ts";
import { callsOnFullQueue, prepareFullQueue } from "./full-queue.ts";

const push: Scenario = {
  script: "enqueue",
  adds: ["high", "normal", "low"],
  // An enqueue that grants nothing makes only 7 calls.
  callsAtLeast: 17,
  async prepare(q) {
    const subscriber = new Redis(redisUrl());
    afterwards(async () => subscriber.disconnect());
    await subscriber.ssubscribe(`${q.keys.wake}:w1`);
    await park(q, 3);
    return { accepted: [] };
  },
  call(q) {
    const envelope = encodeEnvelope("t", q.now, "{}");
    const tail = ["high", envelope, "normal", envelope, "low", envelope];
    return q.engine.enqueue(
      { checked: false, high: 1, normal: 1, low: 1, tail },
      { requestSlot: "#q:pushing:0", sequence: 1 },
    );
  },
};

const onFullQueue = Object.entries(callsOnFullQueue).map(([script, call]) => {
  const scenario: Scenario = { script, prepare: prepareFullQueue, ...call };
  return [`${script}, on a queue with tasks in every state`, scenario] as const;
});

const all = [...Object.entries(scenarios), ["enqueue, while a worker waits", push] as const, ...onFullQueue];

const rows = all.flatMap(([name, scenario]) =>
  [false, true].map((repeat) => ({ name, scenario, repeat, after: repeat ? "sent again" : "left there" })),
);

test("every script is aborted here", () => {
  // These scripts move no task. Operations have tests of their own (abort-operations.redis.test.ts), and so have
  // alerts (abort-alerts.redis.test.ts). An append to the audit log is a single call. The removal of old audit
  // records is interrupted in action-log.redis.test.ts.
  const ofTheSystem = [
    "alertPut",
    "alertTurn",
    "alertWrite",
    "auditAppend",
    "auditTrim",
    "operationClaim",
    "operationControl",
    "operationCreate",
    "operationWrite",
  ];
  const scripts = Object.values(generated)
    .map((script) => script.name)
    .filter((name) => !ofTheSystem.includes(name));
  expect(scripts.length).toBeGreaterThanOrEqual(19);
  expect(scripts.filter((name) => !(name in callsOnFullQueue))).toEqual([]);
});

test.each(rows)(
  "$name: a script that is aborted at any call, and $after, loses nothing (I14)",
  async ({ scenario, repeat }) => {
    const calls = await expectAbortSafe(scenario, { repeat });
    // If the script were never aborted, the test would pass without a proof.
    expect(calls).toBeGreaterThanOrEqual(scenario.callsAtLeast ?? 1);
  },
);

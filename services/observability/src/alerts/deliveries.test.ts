import type { AlertMessageKind, AlertNotification } from "@holdfast/contracts";
import { createMetrics } from "@holdfast/service";
import { type AlertWrites, newNotification } from "holdfast/operate";
import { expect, test } from "vitest";
import { AlertMetrics } from "./alert-metrics.ts";
import { Deliveries } from "./deliveries.ts";
import type { Attempt } from "./sender.ts";

const target = (name: string) => ({
  name,
  kind: "slack" as const,
  url: "https://a.example/",
  secrets: [],
  updatedAt: 1,
});
const message = (name: string, kind: AlertMessageKind, at: number): AlertNotification =>
  newNotification(name, { kind, rule: "r", when: null, queues: [], more: 0, at });

/** Makes deliveries whose answers the test chooses. The default answer is "delivered". */
function scene(waiting: AlertNotification[], answers: Partial<Attempt>[] = []) {
  const sent: string[] = [];
  const written: AlertWrites[] = [];
  const errors: unknown[] = [];
  const deliveries = new Deliveries({
    store: { write: async (_owner, writes) => written.push(writes) > 0 },
    sender: {
      async send({ target, message }) {
        sent.push(`${target} ${message.kind}`);
        return { outcome: "delivered", answer: "204", ...answers.shift() };
      },
    },
    metrics: new AlertMetrics(createMetrics({ service: "test", version: "0" })),
    owner: "me",
    onError: (error) => errors.push(error),
  });
  deliveries.load(waiting, [target("a"), target("b")]);
  /** Sends the messages that are due at this time, and those that become due as a consequence. */
  const at = async (now: number) => {
    deliveries.pump(now);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(errors).toEqual([]);
    return sent.splice(0);
  };
  const ended = () => written.flatMap(({ ended = [] }) => ended.map(({ outcome }) => outcome));
  return { at, ended, written, deliveries };
}

test("messages to one target are sent in their order, and targets do not wait for each other", async () => {
  const { at, ended } = scene([
    ...[message("a", "firing", 1), message("a", "resolved", 2), message("b", "firing", 3)],
  ]);
  expect(await at(10)).toEqual(["a firing", "b firing", "a resolved"]);
  expect(ended()).toEqual(["delivered", "delivered", "delivered"]);
});

test("the next message waits for one that has failed, and a test does not", async () => {
  const { at, ended } = scene(
    [message("a", "firing", 1), message("a", "resolved", 2), message("a", "test", 3)],
    [{ outcome: "retry", answer: "500" }],
  );
  expect(await at(10)).toEqual(["a firing", "a test"]);
  expect(await at(1_000)).toEqual([]);
  expect(await at(60_000)).toEqual(["a firing", "a resolved"]);
  expect(ended()).toEqual(["delivered", "delivered", "delivered"]);
});

test("each wait is twice the one before, up to five minutes, unless the target asks for longer; the 16th attempt is the last", async () => {
  const { at, ended, written } = scene(
    [message("a", "firing", 1)],
    Array.from({ length: 16 }, (_, n) => ({
      ...{ outcome: "retry" as const, answer: "503" },
      ...(n === 1 ? { delayMs: 900_000 } : {}),
    })),
  );
  const waits: number[] = [];
  for (let now = 10, attempt = 1; attempt <= 16; attempt++) {
    expect(await at(now)).toEqual(["a firing"]);
    const next = written.at(-1)?.waiting?.[0]?.nextAt ?? now;
    waits.push(Math.round((next - now) / 1_000));
    now = next + 1_000;
  }
  expect(waits).toEqual([2, 900, 8, 16, 32, 64, 128, 256, ...Array<number>(7).fill(300), 0]);
  expect(ended()).toEqual(["failed"]);
});

test("a test is sent once, and a message to a deleted target is given up", async () => {
  const { at, ended } = scene(
    [message("a", "test", 1), message("gone", "firing", 2)],
    [{ outcome: "retry", answer: "500" }],
  );
  expect(await at(10)).toEqual(["a test"]);
  expect(ended().sort()).toEqual(["failed", "failed"]);
  expect(await at(1e9)).toEqual([]);
});

test("of more than 100 messages for one target the oldest ones are dropped", async () => {
  const waiting = Array.from({ length: 103 }, (_, n) => ({ ...message("a", "firing", n), nextAt: 1e12 }));
  const { at, ended } = scene([...waiting, message("b", "firing", 0)]);
  expect(await at(10)).toEqual(["b firing"]);
  expect(ended().sort()).toEqual(["delivered", "dropped", "dropped", "dropped"]);
});

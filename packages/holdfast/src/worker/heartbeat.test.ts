import { EventEmitter } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import workerThreads from "node:worker_threads";
import { until } from "@holdfast/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Heartbeat, type HeartbeatEvents } from "./heartbeat.ts";
import type { FromThread, HeartbeatData, MemberMessage, ToThread } from "./heartbeat-messages.ts";

/** Replaces the thread, so that the test can send its messages. */
class Thread extends EventEmitter {
  readonly got: ToThread[] = [];
  terminated = false;
  constructor() {
    super();
    threads.push(this);
  }
  postMessage(message: ToThread): void {
    this.got.push(message);
    if (message.kind === "remove") this.about(message.member, { kind: "removed" });
  }
  up(): void {
    this.emit("message", { kind: "up" } satisfies FromThread);
  }
  about(member: number, message: MemberMessage): void {
    this.emit("message", { kind: "about", member, message } satisfies FromThread);
  }
  end(error?: Error): void {
    if (error) this.emit("error", error);
    this.emit("exit", 1);
  }
  async terminate(): Promise<void> {
    this.terminated = true;
    this.emit("exit", 1);
  }
  /** The number of the worker that was added last. */
  get last(): number {
    return (this.got.findLast(({ kind }) => kind === "add") as { member: number }).member;
  }
}

const threads: Thread[] = [];
const { Worker } = workerThreads;
/** Sets the class of a thread for all modules, also for those that are already loaded. */
const setThreadClass = (threadClass: object) => {
  Object.assign(workerThreads, { Worker: threadClass });
  syncBuiltinESMExports();
};
beforeEach(() => {
  threads.length = 0;
  setThreadClass(Thread);
});
afterEach(() => setThreadClass(Worker));

const nth = async (n: number): Promise<Thread> => {
  await until(`${n} threads were begun`, () => threads.length >= n);
  return threads[n - 1] as Thread;
};

function member() {
  const told: string[] = [];
  const events: HeartbeatEvents = {
    onLease: () => {},
    onRenewal: () => {},
    onRegistered: () => {},
    onBeating: (beating) => told.push(beating ? "beats" : "down"),
    onLost: ({ code }) => told.push(`lost: ${code}`),
    onError: ({ message }) => told.push(message),
  };
  return { told, heartbeat: new Heartbeat({ redis: {} } as HeartbeatData, events) };
}

test("one thread beats for all workers of the process, from the first to the last", async () => {
  const [first, second] = [member(), member()];
  const starting = first.heartbeat.start();
  const thread = await nth(1);
  thread.up();
  thread.about(thread.last, { kind: "ready" });
  await starting;
  const alsoStarting = second.heartbeat.start();
  thread.about(thread.last, { kind: "ready" });
  await alsoStarting;
  await first.heartbeat.stop();
  await first.heartbeat.stop();
  expect(thread.got.map(({ kind }) => kind)).toEqual(["add", "add", "remove"]);
  expect(thread.terminated).toBe(false);
  await second.heartbeat.stop();
  expect(thread.got.map(({ kind }) => kind)).toEqual(["add", "add", "remove", "remove"]);
  expect(thread.terminated).toBe(true);
  expect(threads).toHaveLength(1);
  // The first thread has ended with its last worker, so the next worker starts another thread.
  const again = member();
  const startingAgain = again.heartbeat.start();
  const next = await nth(2);
  next.up();
  next.about(next.last, { kind: "ready" });
  await startingAgain;
  await again.heartbeat.stop();
  expect([first.told, second.told, again.told]).toEqual([[], [], []]);
});

test("if the thread ends before it beats, the start fails and can be tried again", async () => {
  const { heartbeat } = member();
  for (let n = 1; n <= 4; n++) {
    const starting = heartbeat.start();
    (await nth(n)).end(new Error("no such file"));
    await expect(starting).rejects.toMatchObject({
      code: "heartbeat_failed",
      message: "the heartbeat thread ended: no such file",
    });
  }
  const starting = heartbeat.start();
  const thread = await nth(5);
  thread.up();
  thread.about(thread.last, { kind: "ready" });
  await starting;
  await heartbeat.stop();
});

test("a failure for one worker does not affect the others", async () => {
  const [good, bad] = [member(), member()];
  const starting = good.heartbeat.start();
  const thread = await nth(1);
  thread.up();
  thread.about(thread.last, { kind: "ready" });
  await starting;
  const failing = bad.heartbeat.start();
  thread.about(thread.last, { kind: "failed", message: "no such certificate" });
  await expect(failing).rejects.toMatchObject({ code: "heartbeat_failed", message: "no such certificate" });
  expect(good.told).toEqual([]);
  await good.heartbeat.stop();
});

test("all workers hear when their thread ends and when another one beats; after the third end there is no other one", async () => {
  const both = [member(), member()];
  const starting = both.map(({ heartbeat }) => heartbeat.start());
  const beginAll = (thread: Thread) => {
    thread.up();
    for (const message of [...thread.got])
      if (message.kind === "add") thread.about(message.member, { kind: "ready" });
  };
  beginAll(await nth(1));
  await Promise.all(starting);
  for (let n = 1; n <= 3; n++) {
    (await nth(n)).end();
    if (n < 3) beginAll(await nth(n + 1));
  }
  const ended = "the heartbeat thread ended: with code 1. Another thread begins";
  for (const { told } of both)
    expect(told).toEqual(["down", ended, "beats", "down", ended, "beats", "lost: heartbeat_failed"]);
  expect(threads).toHaveLength(3);
  for (const { heartbeat } of both) await heartbeat.stop();
});

test("a stop while the thread begins makes the start fail at once", async () => {
  const { heartbeat } = member();
  const starting = heartbeat.start();
  await nth(1);
  const stopping = heartbeat.stop();
  await expect(starting).rejects.toMatchObject({ code: "closed" });
  await stopping;
});

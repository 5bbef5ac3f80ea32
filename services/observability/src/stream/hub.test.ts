import { EventEmitter } from "node:events";
import type { StreamMessage } from "@holdfast/contracts/api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { silent, statsOf } from "../../test/fakes.ts";
import type { Sample } from "../sampling/sampler.ts";
import { StreamHub, type StreamHubOptions, type StreamSocket } from "./hub.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakeSocket extends EventEmitter {
  bufferedAmount = 0;
  readyState = 1;
  readonly frames: StreamMessage[] = [];
  readonly closed: number[] = [];
  pings = 0;
  isTerminated = false;
  send(text: string) {
    this.frames.push(JSON.parse(text) as StreamMessage);
  }
  ping() {
    this.pings += 1;
  }
  terminate() {
    this.isTerminated = true;
    this.emit("close");
  }
  close(code: number) {
    this.closed.push(code);
    this.emit("close");
  }
}

function setup(options: Partial<StreamHubOptions> = {}) {
  const latest: Sample = { at: 5, sampledAt: 5, redisUp: true, queues: [statsOf("q")], workers: [] };
  const listeners = new Set<(sample: Sample) => void>();
  const hub = new StreamHub({
    sampler: {
      latest,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    rates: () => ({}),
    operations: () => [],
    logger: silent,
    ...options,
  });
  const join = () => {
    const socket = new FakeSocket();
    hub.add(socket as unknown as StreamSocket);
    return socket;
  };
  const publish = (sample: Partial<Sample> = {}) => {
    for (const listener of listeners) listener({ ...latest, ...sample });
  };
  return { hub, join, publish, listeners };
}

test("a client gets the whole state at once, then every sample, numbered from 1", () => {
  const { join, publish } = setup();
  const first = join();
  publish();
  const second = join();
  publish({ redisUp: false });
  expect(first.frames.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(second.frames.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(second.frames[0]).toMatchObject({ type: "snapshot", redisUp: true, queuesTotal: 1, deadTotal: 0 });
  expect(second.frames[1]?.redisUp).toBe(false);
});

test("all clients share one subscription, which ends when the last client disconnects", () => {
  const { join, listeners } = setup();
  const sockets = [join(), join()];
  expect(listeners.size).toBe(1);
  sockets[0]?.emit("close");
  expect(listeners.size).toBe(1);
  sockets[1]?.emit("close");
  expect(listeners.size).toBe(0);
});

test("a client that does not read is disconnected, and the others are not affected", () => {
  const { hub, join, publish } = setup();
  const slow = join();
  const good = join();
  slow.bufferedAmount = 2_000_000;
  publish();
  expect(slow.isTerminated).toBe(true);
  expect(slow.frames).toHaveLength(1);
  expect(good.frames).toHaveLength(2);
  expect(hub.clients).toBe(1);
});

test("a client that answers no ping is disconnected", () => {
  const { hub, join } = setup({ pingIntervalMs: 1_000 });
  const dead = join();
  const alive = join();
  vi.advanceTimersByTime(1_000);
  expect([dead.pings, alive.pings]).toEqual([1, 1]);
  alive.emit("pong");
  vi.advanceTimersByTime(1_000);
  expect(dead.isTerminated).toBe(true);
  expect(alive.isTerminated).toBe(false);
  hub.stop();
  expect(alive.closed).toEqual([1001]);
});

test("a client above the maximum is refused", () => {
  const counts: number[] = [];
  const { join } = setup({ maxClients: 1, onClients: (count) => counts.push(count) });
  join();
  expect(join().closed).toEqual([1013]);
  expect(counts).toEqual([1]);
});

test("if there are very many queues, a frame has those with dead letters and those with the most waiting tasks", () => {
  const { join, publish } = setup();
  const socket = join();
  publish({
    queues: Array.from({ length: 250 }, (_, index) =>
      statsOf(`q${index}`, { pending: index, dead: index < 2 ? 3 : 0 }),
    ),
  });
  const frame = socket.frames[1];
  expect(frame?.queues).toHaveLength(200);
  expect(frame?.queues.slice(0, 3).map(({ pending }) => pending)).toEqual([1, 0, 249]);
  expect(frame?.queuesTotal).toBe(250);
  expect(frame?.deadTotal).toBe(6);
});

import { describe, expect, it } from "vitest";
import {
  type Connection,
  type ConnectionEvent,
  initialConnection,
  reconnectDelayMs,
  reduceConnection,
  STALE_AFTER_MS,
} from "./connection.ts";

const run = (...events: ConnectionEvent[]): Connection => events.reduce(reduceConnection, initialConnection);

describe("the connection", () => {
  it("is live when the first message arrives, not when the socket opens", () => {
    expect(run({ type: "opened" }).phase).toBe("connecting");
    expect(run({ type: "opened" }, { type: "message", seq: 7, now: 1 })).toMatchObject({
      phase: "live",
      seq: 7,
      gaps: 0,
    });
  });

  it("counts a gap if a sequence number is skipped, and none if the next number follows", () => {
    const first: ConnectionEvent[] = [{ type: "opened" }, { type: "message", seq: 1, now: 1 }];
    expect(run(...first, { type: "message", seq: 2, now: 2 }).gaps).toBe(0);
    expect(run(...first, { type: "message", seq: 4, now: 2 }).gaps).toBe(1);
  });

  it("counts a reconnect as a gap, whatever the first number is", () => {
    const state = run(
      { type: "opened" },
      { type: "message", seq: 1, now: 1 },
      { type: "closed" },
      { type: "opened" },
      { type: "message", seq: 2, now: 9 },
    );
    expect(state).toMatchObject({ phase: "live", gaps: 1, failures: 0 });
  });

  it("reconnects after one failure and polls after two", () => {
    expect(run({ type: "closed" }).phase).toBe("reconnecting");
    expect(run({ type: "closed" }, { type: "closed" }).phase).toBe("polling");
  });

  it("calls the figures stale if there were no updates for a while", () => {
    expect(run({ type: "tick", now: 1e12 }).stale).toBe(false);
    const live: ConnectionEvent[] = [{ type: "message", seq: 1, now: 1_000 }];
    expect(run(...live, { type: "tick", now: 1_000 + STALE_AFTER_MS }).stale).toBe(false);
    const stale = run(...live, { type: "tick", now: 1_001 + STALE_AFTER_MS });
    expect(stale.stale).toBe(true);
    expect(reduceConnection(stale, { type: "polled", now: 20_000 }).stale).toBe(false);
  });

  it("waits longer after each failure, up to a maximum", () => {
    expect(reconnectDelayMs(1, () => 0)).toBe(250);
    expect(reconnectDelayMs(1, () => 1)).toBe(500);
    expect(reconnectDelayMs(3, () => 1)).toBe(2_000);
    expect(reconnectDelayMs(99, () => 1)).toBe(15_000);
  });
});

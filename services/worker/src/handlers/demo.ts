import { setTimeout as delay } from "node:timers/promises";
import { FatalError, type Handler, JsonText } from "holdfast";

/** The handlers of a worker without HANDLERS. They show retries, dead letters and crashes. */
export const handlers: Record<string, Handler> = {
  /** Returns its payload byte for byte. */
  "demo.echo": (task) => new JsonText(task.payloadText),

  /** Payload `{ ms }`: takes `ms` milliseconds. */
  "demo.sleep": async (task, { signal }) => {
    const ms = numberOf(task.payload, "ms", 0);
    await delay(ms, undefined, { signal });
    return { sleptMs: ms };
  },

  /** Payload `{ failRate, ms? }`: fails with the probability `failRate`, 0 to 1. */
  "demo.flaky": async (task, { signal, attempt }) => {
    const failRate = numberOf(task.payload, "failRate", 0.5);
    const ms = numberOf(task.payload, "ms", 0);
    if (ms > 0) await delay(ms, undefined, { signal });
    if (Math.random() < failRate) throw new Error(`demo.flaky failed by chance (failRate ${failRate})`);
    return { attempt };
  },

  /** Payload `{ ms }`: blocks the event loop for `ms` milliseconds. */
  "demo.cpu": (task) => {
    const ms = numberOf(task.payload, "ms", 100);
    const end = performance.now() + ms;
    let rounds = 0;
    while (performance.now() < end) rounds++;
    return { rounds };
  },

  /**
   * Payload `{ crashes? }`: kills its own worker process in the first `crashes` attempts, by default in all of them.
   */
  "demo.crash": (task, { attempt }) => {
    if (attempt > numberOf(task.payload, "crashes", Number.POSITIVE_INFINITY)) return { attempt };
    process.kill(process.pid, "SIGKILL");
    // The kill takes a moment, and the attempt must not end before it.
    return new Promise(() => {});
  },
};

function numberOf(payload: unknown, name: string, fallback: number): number {
  const value = (payload as Record<string, unknown> | null)?.[name];
  if (value === undefined) return fallback;
  if (typeof value !== "number" || value < 0) {
    throw new FatalError(`payload.${name} must be a number, 0 or more`);
  }
  return value;
}

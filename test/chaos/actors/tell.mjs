// Gives every actor its options, as JSON in argv, and its history file, with one JSON line per event.
import { openSync, writeSync } from "node:fs";

export const { history, ...options } = JSON.parse(process.argv[2] ?? "{}");
const fd = openSync(history, "a");
let clock = () => Date.now();

/** Lets `tell` use the time of Redis, which needs a client. */
export function tellTimeBy(client) {
  clock = () => client.connection.now();
}

/** Writes an event to the history, synchronously, so that no event is lost by a SIGKILL. */
export function tell(op, phase, more = {}) {
  const time = { mono: Number(process.hrtime.bigint()) / 1e6, redisMs: Math.round(clock()) };
  writeSync(fd, `${JSON.stringify({ op, phase, ...more, ...time })}\n`);
}

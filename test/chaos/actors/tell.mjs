// Reads the options of an actor, which are JSON in argv. Writes its history file, with one JSON line per event.
import { openSync, writeSync } from "node:fs";

export const { history, ...options } = JSON.parse(process.argv[2] ?? "{}");
const fd = openSync(history, "a");
let clock = () => Date.now();

/** Makes `tell` use the time of Redis, which needs a client. */
export function tellTimeBy(client) {
  clock = () => client.connection.now();
}

/** Writes an event to the history. The write is synchronous, so that a SIGKILL cannot lose the event. */
export function tell(op, phase, more = {}) {
  const time = { mono: Number(process.hrtime.bigint()) / 1e6, redisMs: Math.round(clock()) };
  writeSync(fd, `${JSON.stringify({ op, phase, ...more, ...time })}\n`);
}

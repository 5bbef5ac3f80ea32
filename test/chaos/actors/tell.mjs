// What every actor does: options as JSON in argv, one JSON line per event in its own history file.
import { openSync, writeSync } from "node:fs";

export const { history, ...options } = JSON.parse(process.argv[2] ?? "{}");
const fd = openSync(history, "a");
let clock = () => Date.now();

/** Where Redis time comes from, once there is a client. */
export function tellTimeBy(client) {
  clock = () => client.connection.now();
}

/** Synchronous: what was told before a SIGKILL is in the file. */
export function tell(op, phase, more = {}) {
  const time = { mono: Number(process.hrtime.bigint()) / 1e6, redisMs: Math.round(clock()) };
  writeSync(fd, `${JSON.stringify({ op, phase, ...more, ...time })}\n`);
}

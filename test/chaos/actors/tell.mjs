// Shared by all actors: options as JSON in argv, one JSON line per event in the actor's own history file.
import { openSync, writeSync } from "node:fs";

export const { history, ...options } = JSON.parse(process.argv[2] ?? "{}");
const fd = openSync(history, "a");
let clock = () => Date.now();

/** The source of Redis time, when there is a client. */
export function tellTimeBy(client) {
  clock = () => client.connection.now();
}

/** Synchronous, so that the file has every event before a SIGKILL. */
export function tell(op, phase, more = {}) {
  const time = { mono: Number(process.hrtime.bigint()) / 1e6, redisMs: Math.round(clock()) };
  writeSync(fd, `${JSON.stringify({ op, phase, ...more, ...time })}\n`);
}

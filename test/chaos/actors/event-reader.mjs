// Reads the events of a queue in a separate process. Writes a line to its history for each end of a task and each
// gap, with the number of other events before it.
import { Queue } from "holdfast";
import { options, tell } from "./tell.mjs";

const { queue: name, redis, after } = options;
const queue = new Queue(name, { redis });
const gone = new AbortController();
const events = queue.events({ after, results: false, signal: gone.signal });
process.on("SIGTERM", () => gone.abort(new Error("asked to end")));
let others = 0;
try {
  await events.ready();
  tell("process", "invoke", { what: "ready" });
  for await (const { type, id, at, missed, cursor } of events) {
    if (type !== "completed" && type !== "gap") {
      others++;
      continue;
    }
    tell("event", "ok", { type, id, at, missed, cursor, others });
    others = 0;
  }
} catch (error) {
  if (!gone.signal.aborted) throw error;
  tell("event", "ok", { type: "last", others });
  process.exit(0);
}

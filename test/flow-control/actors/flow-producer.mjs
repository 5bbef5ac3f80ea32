// Opens a flow, adds nodes in calls of `chunk` nodes with a pause after each call, and seals the flow. Reports each
// call, with the memory of this process.
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "holdfast";
import { options, tell } from "../../chaos/actors/tell.mjs";

const {
  queue: name,
  redis,
  id,
  nodes,
  chunk,
  pauseMs = 0,
  payload = null,
  type = "value",
  ...flowOptions
} = options;
const queue = new Queue(name, { redis });
await queue.ready();
const flow = await queue.openFlow({ id, ...flowOptions });
tell("process", "invoke", { what: "ready" });
for (let from = 0; from < nodes; from += chunk) {
  const size = Math.min(chunk, nodes - from);
  await flow.add(Array.from({ length: size }, (_, n) => ({ name: `n${from + n}`, type, payload })));
  tell("added", "ok", { nodes: from + size, rss: process.memoryUsage.rss() });
  if (pauseMs > 0) await sleep(pauseMs);
}
await flow.seal();
tell("sealed", "ok", { rss: process.memoryUsage.rss() });
await queue.close();

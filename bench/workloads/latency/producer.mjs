// The producer of one system. It enqueues tasks at a steady rate, and puts the time of the enqueue into each payload.
import { readArgs, serveParent } from "../shared/children.mjs";
import { clockMs, SYSTEMS } from "./systems.mjs";

const args = readArgs();
const { send, close } = await SYSTEMS[args.system].produce(args);
// With this filler, the payload has 96 bytes of JSON.
const filler = "x".repeat(64);

serveParent(async ({ count, intervalMs }) => {
  const sent = [];
  const startMs = clockMs();
  for (let index = 0; index < count; index++) {
    const waitMs = startMs + index * intervalMs - clockMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    sent.push(send({ at: clockMs(), filler }));
  }
  await Promise.all(sent);
  return count;
}, close);

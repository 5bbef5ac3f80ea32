// Creates flows one after another, in calls of a few nodes. If the process is started again with the same name, it
// repeats the flows whose seal it has not reported yet, with the same ids. So it adds some nodes a second time. The
// nodes of each flow run in all queues in turn, and the flow itself is in the first queue.
import { setTimeout as sleep } from "node:timers/promises";
import { chain, fanIn, fanOut, Queue } from "holdfast";
import { options, tell } from "./tell.mjs";

const { queues, redis, prefix = "f", from, to, nodes: size, failing, pauseMs } = options;
const [home] = queues;
const CHUNK = 20;
const on = Object.fromEntries(
  ["dead", "success", "done", "cancelled"].map((moment) => [moment, { type: "sleep", payload: { ms: 1 } }]),
);
const backoff = { kind: "fixed", baseMs: 20, jitter: "none" };

/** Returns the nodes of a flow: a chain followed by a fan-out and a fan-in, or only one of the three. */
function nodesOf(number) {
  const node = (n) => {
    const payload = { ms: 20, failures: n % Math.round(1 / failing) === 0 ? 1 : 0 };
    const queue = queues[n % queues.length];
    const place = queue === home ? {} : { queue };
    return { name: `n${n}`, type: "flaky", payload, ...place, options: { maxRetries: 30, backoff } };
  };
  const all = Array.from({ length: size }, (_, n) => node(n));
  const length = Math.floor(size / 4);
  const [links, middle, last] = [all.slice(0, length), all.slice(length, -1), all.at(-1)];
  switch (number % 4) {
    case 0:
      return chain(all);
    case 1:
      return fanIn(all.slice(0, -1), last);
    case 2:
      return fanOut(all[0], all.slice(1));
    default: {
      const linked = chain(links);
      const spread = fanOut(linked.at(-1), middle);
      return [...linked.slice(0, -1), ...fanIn(spread, last)];
    }
  }
}

const queue = new Queue(home, { redis });
/** Repeats a call until Redis has answered. */
async function surely(step) {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      tell("error", "info", { code: error.code, message: error.message });
      if (error.code === "conflict" || error.code === "invalid_argument") throw error;
      await sleep(50);
    }
  }
}
tell("process", "invoke", { what: "ready" });
for (let number = from; number < to; number++) {
  const id = `${prefix}${number}`;
  const nodes = nodesOf(number);
  const flow = await surely(() => queue.openFlow({ id, on }));
  if (!flow.duplicate) {
    for (let at = 0; at < nodes.length; at += CHUNK) {
      await surely(() => flow.add(nodes.slice(at, at + CHUNK)));
      await sleep(pauseMs);
    }
    // The seal of an earlier attempt may have been stored although its answer was lost.
    await surely(async () => {
      const { duplicate } = await queue.openFlow({ id, on });
      if (!duplicate) await flow.seal();
    });
  }
  tell("sealed", "ok", { flow: number });
}
tell("process", "ok", { what: "stopped" });
await queue.close();

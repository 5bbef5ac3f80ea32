// Runs the worker of one system, and records how long each task took to reach its handler.
import { readArgs, serveParent } from "../shared/children.mjs";
import { clockMs, SYSTEMS } from "./systems.mjs";

const args = readArgs();
let latencies = [];
let onArrival = () => {};
const close = await SYSTEMS[args.system].work(args, ({ at }) => {
  latencies.push(clockMs() - at);
  onArrival();
});

// Answers with the latencies of the tasks when `count` tasks have arrived.
serveParent(async ({ count }) => {
  await new Promise((resolve) => {
    onArrival = () => latencies.length >= count && resolve();
    onArrival();
  });
  onArrival = () => {};
  const answer = latencies;
  latencies = [];
  return answer;
}, close);

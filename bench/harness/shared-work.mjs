// Runs one of several workers of a queue. It starts at `startAt`, and ends when no task was settled for `QUIET_MS`.
// `firstAt` in its result is the time at which its first `first` tasks were settled.
const { system, url, concurrency, startAt, first = 0 } = JSON.parse(process.argv[2]);
const QUIET_MS = 400;

const adapter = await import(`../adapters/${system}.mjs`);
const target = await adapter.open({ url, queue: "compare" });
let done = 0;
let lastAt = 0;
let firstAt;
let cpu;
let used;
const now = () => performance.timeOrigin + performance.now();

await new Promise((resolve) => setTimeout(resolve, Math.max(0, startAt - Date.now())));
const worker = await target.worker({
  concurrency,
  handler: async ({ i }) => i,
  onDone() {
    lastAt = now();
    if (++done === first) firstAt = lastAt;
  },
});
const startedAt = now();
cpu = process.cpuUsage();
lastAt = startedAt;
worker.start();
while (now() - lastAt < QUIET_MS) {
  used = process.cpuUsage(cpu);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await worker.stop();
await target.close();
const result = { done, startedAt, firstAt, lastAt, nodeUs: used.user + used.system };
process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0));

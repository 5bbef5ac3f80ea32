// Node loads this file into threads as well (--require). THREAD_FATE lists what each thread does, in the order of their
// starts; the last entry is for all further threads. A thread can "throw" at once, "hang" for some ms before it runs,
// "live", or "end" as soon as the file THREAD_END exists.
const { appendFileSync, existsSync, readFileSync } = require("node:fs");
const { isMainThread } = require("node:worker_threads");

if (!isMainThread) {
  const file = process.env.THREAD_COUNT;
  appendFileSync(file, ".");
  const fates = process.env.THREAD_FATE.split(",");
  const [fate, ms] = (fates[readFileSync(file, "utf8").length - 1] ?? fates.at(-1)).split(":");
  if (fate === "throw") throw new Error("a preload that fails in threads");
  if (fate === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  if (fate === "end") setInterval(() => existsSync(process.env.THREAD_END) && process.exit(3), 20).unref();
}

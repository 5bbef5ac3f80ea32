// Functions for child processes that exchange messages with their parent.
import { fork } from "node:child_process";

/**
 * Starts `node file JSON(args)`, and waits until the child is ready. `ask(question)` sends a message to the child and
 * returns its answer. `pid` is the id of its process.
 */
export async function startChild(file, args, { execArgv = [] } = {}) {
  const child = fork(file, [JSON.stringify(args)], {
    execArgv,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const waiting = [];
  let ended;
  child.on("message", (message) => waiting.shift()?.resolve(message));
  const exit = new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      ended = new Error(`${file} ended early: ${signal ?? code}`);
      for (const { reject } of waiting.splice(0)) reject(ended);
      resolve();
    });
  });
  const next = () =>
    ended ? Promise.reject(ended) : new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  await next();
  return {
    pid: child.pid,
    ask(question) {
      const answer = next();
      child.send(question);
      return answer;
    },
    async stop() {
      child.kill("SIGTERM");
      await exit;
    },
  };
}

/** Runs in the child process. Answers each question with `answer`, until the parent ends or sends SIGTERM. */
export function serveParent(answer, close) {
  const end = () => Promise.resolve(close?.()).finally(() => process.exit(0));
  process.once("SIGTERM", end);
  process.once("disconnect", end);
  process.on("message", async (question) => process.send({ answer: await answer(question) }));
  process.send({ answer: "ready" });
}

/** Returns the arguments that `startChild` or `runNode` gave to this process. */
export const readArgs = () => JSON.parse(process.argv[2] ?? "{}");

/** Prints the result of a process that `runNode` started, as its last line. */
export const printResult = (result) => process.stdout.write(`${JSON.stringify(result)}\n`);

/** Returns the items in an order that changes from round to round, so that the first item is not always the same. */
export const rotate = (items, round) => items.map((_, index) => items[(index + round) % items.length]);

export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

export const median = (values) =>
  percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

/** Removes all keys that begin with `start` from Redis. These are the keys of one run. */
export async function dropKeys(redis, start) {
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", `${start}*`, "COUNT", 1_000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== "0");
}

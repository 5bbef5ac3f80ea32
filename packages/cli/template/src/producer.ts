import { Queue } from "holdfast";
import { QUEUE, redis, welcome } from "./tasks.js";

const queue = new Queue(QUEUE, { redis });
const { id } = await welcome.enqueue(queue, { to: process.argv[2] ?? "ada@example.com" });
const task = await queue.result(id, { waitMs: 30_000 });
console.log(`Task ${id} is ${task?.state}: ${task?.resultText ?? "no result yet"}`);
await queue.close();

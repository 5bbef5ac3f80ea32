// Makes thumbnails of the images in a folder, through a queue:
//
//   node thumbnails.mjs [folder]        enqueue one task per image, run them, report
//   node thumbnails.mjs mend [folder]   replay the dead letters; without a folder, mend the broken image first
//
// Without a folder, it makes a folder with twelve images, one of which is broken. `--out` is the folder for the
// thumbnails and for these images. It needs only Redis: REDIS_URL, by default redis://127.0.0.1:6379.
import { availableParallelism } from "node:os";
import { basename, join, parse, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { HoldfastError, Janitor, Observer, Queue, Worker } from "holdfast";
import { handlers } from "./handler.mjs";
import { generateImages, imagesIn, mendImages } from "./images.mjs";

const QUEUE = "thumbnails";
const TYPE = "image.thumbnail";
const WIDTH = 320;

const { values, positionals } = parseArgs({
  options: { out: { type: "string", default: fileURLToPath(new URL(".", import.meta.url)) } },
  allowPositionals: true,
});
const mend = positionals[0] === "mend";
const own = positionals[mend ? 1 : 0];
const folder = resolve(own ?? join(values.out, "images"));
const out = resolve(values.out, "thumbnails");
const redis = process.env.REDIS_URL || "redis://127.0.0.1:6379";

/** Enqueues one task per image. The results are in the order of the images. */
async function enqueueImages(queue) {
  if (own === undefined) await generateImages(folder);
  const names = await imagesIn(folder);
  if (names.length === 0) throw new Error(`no images in ${folder}`);
  const results = await queue.enqueueMany(
    names.map((name) => ({
      type: TYPE,
      payload: { source: join(folder, name), target: join(out, `${parse(name).name}.webp`), width: WIDTH },
    })),
  );
  for (const result of results) if (!result.ok) throw result.error;
  console.log(`${names.length} images of ${folder} enqueued`);
  return results.map((result) => result.receipt.id);
}

/** Replays every dead letter of the queue. The tasks keep their history. */
async function replayDeadLetters(observer) {
  if (own === undefined) console.log(`${await mendImages(folder)} is a good image now`);
  const ids = [];
  for (let cursor; cursor !== null; ) {
    const page = await observer.list(QUEUE, { state: "dead", limit: 100, ...(cursor ? { cursor } : {}) });
    ids.push(...page.tasks.map((task) => task.id));
    cursor = page.cursor;
  }
  const { replayed } = await observer.replayAll(QUEUE);
  console.log(`dead letters replayed: ${replayed}`);
  return ids;
}

/** Waits until every task has ended, and reports how each one ended. */
async function report(queue, ids) {
  const counts = { completed: 0, dead: 0 };
  for (const id of ids) {
    let task = await queue.wait(id, { waitMs: 30_000 });
    while (task && ["scheduled", "pending", "processing"].includes(task.state)) {
      console.log(`waiting for ${id}: ${task.state}, attempt ${task.attempts}`);
      task = await queue.wait(id, { waitMs: 30_000 });
    }
    if (task === null) continue; // the task was removed, because the queue keeps only a limited number of ended tasks
    counts[task.state] = (counts[task.state] ?? 0) + 1;
    const name = basename(JSON.parse(task.payloadText).source);
    if (task.state === "completed") {
      const { width, height, bytes } = JSON.parse(task.resultText);
      console.log(`  done  ${name}: ${width} x ${height}, ${bytes} bytes`);
    } else {
      const reason = (task.lastError ?? "").split("\n")[0];
      console.log(`  ${task.state}  ${name}: ${task.deadReason}: ${reason}`);
    }
  }
  return counts;
}

const queue = new Queue(QUEUE, { redis });
const observer = new Observer({ redis });
const worker = new Worker(QUEUE, handlers, { redis, concurrency: availableParallelism() });
const janitor = new Janitor({ redis, queues: [QUEUE] });
worker.on("error", (error) => console.error(`worker: ${error.message}`));
janitor.on("error", (error) => console.error(`janitor: ${error.message}`));

try {
  const ids = mend ? await replayDeadLetters(observer) : await enqueueImages(queue);
  await Promise.all([worker.start(), janitor.start()]);
  const counts = await report(queue, ids);
  console.log(`${counts.completed} completed, ${counts.dead} dead; thumbnails in ${out}`);
  if (counts.dead > 0 && own === undefined) {
    console.log("Mend the image and replay its dead letter: pnpm --filter @holdfast/example-thumbnails mend");
  } else if (counts.dead > 0) {
    console.log(`Mend those images, then: node thumbnails.mjs mend ${folder}`);
  }
} catch (error) {
  console.error(error instanceof HoldfastError ? `${error.code}: ${error.message}` : String(error));
  process.exitCode = 1;
} finally {
  await Promise.all([worker.stop({ graceMs: 5_000 }), janitor.stop(), queue.close(), observer.close()]);
}

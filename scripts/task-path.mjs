// Prints the files whose code runs between the POST of a task and its handler, in order, with their numbers of lines.
// `--write` puts the list into ARCHITECTURE.md, and `--check` fails if the list there is out of date.
// test/docs/task-path.redis.test.mjs posts a task, and compares the list with the files whose code ran.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "ARCHITECTURE.md");
const BEGIN = "<!-- task-path: make generate writes this list -->\n\n";
const END = "\n<!-- /task-path -->";

/** The sections of the list. Each has its files, with a text that says what the file does for the task. */
export const PARTS = [
  [
    "producer-api reads the request",
    [
      ["packages/service/src/tasks/fast-lane.ts", "receives the POST from node:http and sends the answer."],
      ["packages/service/src/identity/access.ts", "finds the identity of the sender."],
      [
        "packages/service/src/tasks/queues.ts",
        "returns the `Queue` of that name, and limits how many queues a key creates.",
      ],
      [
        "packages/service/src/tasks/intake.ts",
        "reads and stores the task through other modules, and writes the receipt.",
      ],
      ["packages/contracts/src/task-json.ts", "finds the type and the payload in the JSON of the task."],
      ["packages/contracts/src/json-scan.ts", "finds where each JSON value ends."],
      ["packages/service/src/tasks/metrics.ts", "counts the accepted task."],
      [
        "packages/service/src/plain-metrics.ts",
        "measures the request and the script call, and holds the counters.",
      ],
    ],
  ],
  [
    "The library sends the task to Redis",
    [
      ["packages/holdfast/src/queue/enqueues.ts", "chooses the part of the queue that gets the task."],
      ["packages/holdfast/src/queue/queue-part.ts", "adds the task to the buffer of that part."],
      ["packages/holdfast/src/queue/new-task.ts", "checks the payload, and gives the task id and envelope."],
      ["packages/holdfast/src/queue/mint-ids.ts", "makes the id of the task."],
      [
        "packages/holdfast/src/engine/envelope.ts",
        "writes the envelope here, and reads the envelope in the worker.",
      ],
      [
        "packages/holdfast/src/queue/call-buffer.ts",
        "gathers enqueues into few script calls, and answers their callers.",
      ],
      [
        "packages/holdfast/src/engine/task-scripts.ts",
        "calls the script `enqueue` with its keys, request slot and sequence.",
      ],
      ["packages/holdfast/src/redis/connection.ts", "writes the call as bytes and sends it."],
      ["packages/holdfast/src/user-code.ts", "calls hooks of the user so that their errors do no harm."],
    ],
  ],
  [
    "One Lua script stores and grants the task",
    [
      ["lua/transitions/enqueue.lua", "stores the task, and grants it if a worker waits."],
      [
        "lua/lib/call.lua",
        "reads the time of Redis once, and answers a repeated request with the first reply.",
      ],
      ["lua/lib/queue.lua", "reads the counters and settings of the queue."],
      ["lua/lib/lease.lua", "says what a lease is: deadline, record and fence."],
      ["lua/lib/push.lua", "leases the task to the parked request and publishes it."],
    ],
  ],
  [
    "The worker runs the handler",
    [
      ["packages/holdfast/src/redis/subscriptions.ts", "receives the published message."],
      [
        "packages/holdfast/src/engine/round-trip.ts",
        "reads the message: pairs each id with its envelope, token and history.",
      ],
      [
        "packages/holdfast/src/worker/queue-runner.ts",
        "decides what to begin, what to settle and what to ask for.",
      ],
      ["packages/holdfast/src/worker/acquire-request.ts", "ends the parked request, which is answered now."],
      ["packages/holdfast/src/worker/runners.ts", "shares the slots of the worker between its queues."],
      ["packages/holdfast/src/worker/held-tasks.ts", "keeps the tasks that the worker holds."],
      ["packages/holdfast/src/worker/lease-table.ts", "shows the lease to the heartbeat thread."],
      ["packages/holdfast/src/worker/handler-table.ts", "finds the handler for the type."],
      ["packages/holdfast/src/worker/running-task.ts", "parses the payload and calls the handler."],
      [
        "packages/holdfast/src/worker/handler-arguments.ts",
        "makes `task` and `ctx`, which the handler gets.",
      ],
    ],
  ],
];

const linesOf = (path) => readFileSync(join(root, path), "utf8").split("\n").length - 1;

/** Pads the cells of a Markdown table as the formatter does. The first row is the head. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const [head, ...others] = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`,
  );
  return `${head}| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n${others.join("")}`;
}

/** Returns the list as Markdown. */
export function taskPath() {
  const files = PARTS.flatMap(([, steps]) => steps.map(([path]) => path));
  const lines = files.reduce((sum, path) => sum + linesOf(path), 0);
  const blocks = PARTS.map(([title, steps]) => {
    const rows = steps.map(([path, does]) => [`[${basename(path)}](${path})`, `${linesOf(path)}`, does]);
    return `**${title}**\n\n${table([["File", "Lines", "What it does on the way"], ...rows])}`;
  });
  // The sum is rounded, because an exact number would cause a conflict in almost every merge.
  const about = (Math.round(lines / 100) * 100).toLocaleString("en");
  return `${blocks.join("\n")}\nThese are ${files.length} files with about ${about} lines.\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = taskPath();
  const before = readFileSync(page, "utf8");
  const from = before.indexOf(BEGIN);
  const to = before.indexOf(END, from);
  if (from < 0 || to < 0)
    throw new Error(`ARCHITECTURE.md needs the lines ${BEGIN.trim()} and ${END.trim()}`);
  const after = before.slice(0, from + BEGIN.length) + text + before.slice(to);
  if (process.argv.includes("--write")) writeFileSync(page, after);
  else if (!process.argv.includes("--check")) console.log(text);
  else if (after !== before) {
    console.error("ARCHITECTURE.md is out of date: run make generate");
    process.exit(1);
  }
}

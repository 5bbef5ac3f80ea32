import type { Keep, TaskView, Unique, UniqueView } from "@holdfast/contracts";
import { injectBody } from "../../api/tasks.ts";

/** Quotes a text as one word of a POSIX shell. */
const shellWord = (text: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

const uniqueOf = ({ key, scope, windowMs, onConflict, maxWaitMs }: UniqueView): Unique => ({
  key,
  scope,
  ...(windowMs === null ? {} : { windowMs }),
  onConflict,
  ...(maxWaitMs === null ? {} : { maxWaitMs }),
});

const uniqueWords = ({ key, scope, windowMs, onConflict, maxWaitMs }: UniqueView): string[] => [
  ...["--unique", key, "--unique-scope", scope],
  ...(windowMs === null ? [] : ["--unique-window", `${windowMs}ms`]),
  ...["--on-conflict", onConflict],
  ...(maxWaitMs === null ? [] : ["--max-wait", `${maxWaitMs}ms`]),
];

const keepWords = ({ completedMs, deadMs, count }: Keep): string[] => [
  ...(completedMs === undefined ? [] : ["--keep-completed", `${completedMs}ms`]),
  ...(deadMs === undefined ? [] : ["--keep-dead", `${deadMs}ms`]),
  ...(count === undefined ? [] : ["--keep-count", String(count)]),
];

/** Returns a curl command that repeats the enqueue with the exact text of the payload. */
export function asCurl(task: TaskView, serviceUrl: string): string {
  const url = `${serviceUrl}/v1/queues/${encodeURIComponent(task.queue)}/tasks`;
  let body: string;
  try {
    body = injectBody({
      type: task.type,
      payloadText: task.payloadText,
      priority: task.priority,
      ...(task.key === null ? {} : { key: task.key }),
      ...(task.cost === 1 ? {} : { cost: task.cost }),
      ...(task.keep === null ? {} : { keep: task.keep }),
      ...(task.unique === null ? {} : { unique: uniqueOf(task.unique) }),
    });
  } catch {
    // A payload that is not JSON cannot be enqueued over HTTP. So the command only shows the record of the task.
    return `curl ${shellWord(`${url}/${encodeURIComponent(task.id)}`)}`;
  }
  return `curl -X POST ${shellWord(url)} -H 'content-type: application/json' --data-raw ${shellWord(body)}`;
}

/** Returns a `holdfast` command that repeats the enqueue. */
export function asCommand(task: TaskView): string {
  const words = ["holdfast", "enqueue", task.queue, task.type, task.payloadText];
  const options = [
    ...(task.priority === "normal" ? [] : ["--priority", task.priority]),
    ...(task.maxRetries === null ? [] : ["--max-retries", String(task.maxRetries)]),
    ...task.tags.flatMap((tag) => ["--tag", tag]),
    ...(task.key === null ? [] : ["--key", task.key]),
    ...(task.cost === 1 ? [] : ["--cost", String(task.cost)]),
    ...(task.keep === null ? [] : keepWords(task.keep)),
    ...(task.unique === null ? [] : uniqueWords(task.unique)),
  ];
  return [...words, ...options].map(shellWord).join(" ");
}

import type { TaskView } from "@holdfast/contracts";
import { injectBody } from "../../api/tasks.ts";

/** Any text as one word of a POSIX shell. */
const shellWord = (text: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Repeats the enqueue over HTTP, with the exact text of the payload. */
export function asCurl(task: TaskView, serviceUrl: string): string {
  const url = `${serviceUrl}/v1/queues/${encodeURIComponent(task.queue)}/tasks`;
  let body: string;
  try {
    body = injectBody({ type: task.type, payloadText: task.payloadText, priority: task.priority });
  } catch {
    // Text that is not JSON cannot be enqueued again, so the record is copied.
    return `curl ${shellWord(`${url}/${encodeURIComponent(task.id)}`)}`;
  }
  return `curl -X POST ${shellWord(url)} -H 'content-type: application/json' --data-raw ${shellWord(body)}`;
}

/** Repeats the enqueue with the command. */
export function asCommand(task: TaskView): string {
  const words = ["holdfast", "enqueue", task.queue, task.type, task.payloadText];
  const options = [
    ...(task.priority === "normal" ? [] : ["--priority", task.priority]),
    ...(task.maxRetries === null ? [] : ["--max-retries", String(task.maxRetries)]),
    ...task.tags.flatMap((tag) => ["--tag", tag]),
  ];
  return [...words, ...options].map(shellWord).join(" ");
}

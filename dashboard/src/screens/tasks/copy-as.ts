import type { TaskView } from "@holdfast/contracts";
import { injectBody } from "../../api/tasks.ts";

/** A word of a POSIX shell, whatever is in it. */
const shellWord = (text: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The same enqueue again over HTTP, the payload as the exact text. */
export function asCurl(task: TaskView, serviceUrl: string): string {
  const url = `${serviceUrl}/v1/queues/${encodeURIComponent(task.queue)}/tasks`;
  let body: string;
  try {
    body = injectBody({ type: task.type, payloadText: task.payloadText, priority: task.priority });
  } catch {
    // Text that is not JSON cannot be enqueued again: then the record is worth having.
    return `curl ${shellWord(`${url}/${encodeURIComponent(task.id)}`)}`;
  }
  return `curl -X POST ${shellWord(url)} -H 'content-type: application/json' --data-raw ${shellWord(body)}`;
}

/** The same by the command. */
export function asCommand(task: TaskView): string {
  const words = ["holdfast", "enqueue", task.queue, task.type, task.payloadText];
  const options = [
    ...(task.priority === "normal" ? [] : ["--priority", task.priority]),
    ...(task.maxRetries === null ? [] : ["--max-retries", String(task.maxRetries)]),
    ...task.tags.flatMap((tag) => ["--tag", tag]),
  ];
  return [...words, ...options].map(shellWord).join(" ");
}

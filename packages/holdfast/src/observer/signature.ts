import type { TaskView } from "@holdfast/contracts";

// First lines that do not name the cause: only a name, or a phrase that the platform puts before the cause.
const SAYS_NOTHING =
  /^[\w$.]*( \[[^\]]*\])?(: (fetch failed|terminated|All promises were rejected|Error)?)?$/;
const EXPLANATION = /^(?:Caused by|Error 1 of \d+): (.+)$/;

/**
 * Returns the first line, followed by the innermost known cause if the line does not say what failed
 * (worker/thrown.ts).
 */
function tellingLine(error: string): string {
  const [first = "", ...others] = error.split("\n");
  if (!SAYS_NOTHING.test(first)) return first;
  const causes = others.flatMap((line) => EXPLANATION.exec(line)?.[1] ?? []);
  const cause = causes.findLast((line) => !SAYS_NOTHING.test(line)) ?? causes.at(-1);
  return cause === undefined ? first : `${first} (${cause})`;
}

/** Returns the common part of equal failures: the message without the parts that differ from task to task. */
export function errorSignature(error: string | null): string {
  return tellingLine(error ?? "")
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>")
    .replaceAll(/\b0x[0-9a-f]+\b/gi, "<hex>")
    .replaceAll(/(["'`]).*?\1/g, "<text>")
    .replaceAll(/\d+/g, "<n>")
    .slice(0, 200);
}

/** Returns the signature of a dead letter: the signature of its error, or its reason if it has no error. */
export function signatureOf(task: Pick<TaskView, "lastError" | "deadReason">): string {
  return errorSignature(task.lastError) || (task.deadReason ?? "retries_exhausted");
}

import type { TaskView } from "@holdfast/contracts";

// What a first line says that says nothing: a name alone, or what the platform puts around the reason.
const SAYS_NOTHING =
  /^[\w$.]*( \[[^\]]*\])?(: (fetch failed|terminated|All promises were rejected|Error)?)?$/;
const EXPLANATION = /^(?:Caused by|Error 1 of \d+): (.+)$/;

/** The first line, with the innermost known cause behind it where it says nothing by itself (worker/thrown.ts). */
function tellingLine(error: string): string {
  const [first = "", ...others] = error.split("\n");
  if (!SAYS_NOTHING.test(first)) return first;
  const causes = others.flatMap((line) => EXPLANATION.exec(line)?.[1] ?? []);
  const cause = causes.findLast((line) => !SAYS_NOTHING.test(line)) ?? causes.at(-1);
  return cause === undefined ? first : `${first} (${cause})`;
}

/** What failures have in common: the message without what differs from task to task. */
export function errorSignature(error: string | null): string {
  return tellingLine(error ?? "")
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>")
    .replaceAll(/\b0x[0-9a-f]+\b/gi, "<hex>")
    .replaceAll(/(["'`]).*?\1/g, "<text>")
    .replaceAll(/\d+/g, "<n>")
    .slice(0, 200);
}

/** What stands for the error of a dead letter: where there is none, the reason. */
export function signatureOf(task: Pick<TaskView, "lastError" | "deadReason">): string {
  return errorSignature(task.lastError) || (task.deadReason ?? "retries_exhausted");
}

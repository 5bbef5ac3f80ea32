import type { TaskView } from "@holdfast/contracts";

/** What failures have in common: the message without what differs from task to task. */
export function errorSignature(error: string | null): string {
  const line = (error ?? "").split("\n", 1)[0] ?? "";
  return line
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

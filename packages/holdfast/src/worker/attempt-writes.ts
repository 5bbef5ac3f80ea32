import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { encodeLogLine } from "../engine/text.ts";
import type { AttemptSpan } from "../tracing/tracing.ts";
import { checkpointText, logLevel, logText, progressText } from "./json-text.ts";

/** The attempt whose handler reports progress or writes a log line. */
export interface Writer {
  readonly id: string;
  readonly fence: string;
  readonly engine: Engine;
  readonly ended: boolean;
  readonly span: AttemptSpan | undefined;
  onError(error: HoldfastError): void;
}

/** Wraps the failure of `ctx.progress` or `ctx.log`, so that the `error` event names the task. */
export function failedCall(what: string, taskId: string, failure: unknown): HoldfastError {
  const { code, message, retryAfterMs } = asHoldfastError(failure);
  return new HoldfastError(code, `${what} of task ${taskId}: ${message}`, {
    cause: failure,
    taskId,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/**
 * Writes progress or a log line. Never rejects, because handlers often do not await it. After the end of the attempt it
 * does nothing, because the task may belong to another worker.
 */
async function write(of: Writer, what: string, change: () => { progress?: string; line?: string }) {
  if (of.ended) return;
  try {
    await of.engine.progress(of.id, of.fence, change());
  } catch (error) {
    if (!of.ended) of.onError(failedCall(what, of.id, error));
  }
}

export function writeProgress(of: Writer, value: unknown): Promise<void> {
  return write(of, "ctx.progress", () => ({ progress: progressText(value) }));
}

export function writeLog(of: Writer, line: unknown, level: unknown): Promise<void> {
  return write(of, "ctx.log", () => {
    const text = logText(line);
    of.span?.log(text);
    return { line: encodeLogLine(text, logLevel(level)) };
  });
}

export async function writeCheckpoint(of: Writer, value: unknown): Promise<void> {
  const checkpoint = checkpointText(value);
  if (of.ended || !(await of.engine.progress(of.id, of.fence, { checkpoint })))
    throw new HoldfastError(
      "conflict",
      `ctx.checkpoint of task ${of.id}: its lease is lost, so another attempt may run`,
      { taskId: of.id },
    );
}

export async function readCheckpoint({ engine, id }: Writer): Promise<unknown> {
  const text = await engine.checkpoint(id);
  return text === undefined ? undefined : JSON.parse(text);
}

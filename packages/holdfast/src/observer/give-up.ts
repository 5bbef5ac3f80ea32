import { HoldfastError, isWorkerId, LIMITS } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { errorSignature } from "../engine/signature.ts";
import { encodeLine } from "../engine/text.ts";
import { epochMs, oneOf, pattern, text, whole } from "../options/kinds.ts";
import { checkShape, shapeOf, shown } from "../options/shape.ts";
import { type Parts, perId } from "../partitions/parts.ts";

/** A task that has failed for good in another system. */
export interface GivenUp {
  /** The id of a scheduled task. Enqueue the task first, with this id and the longest `delayMs`. */
  id: string;
  /** Why the task died. */
  reason: "retries_exhausted" | "crashes_exhausted" | "fatal";
  /** How many attempts the other system made, 1 to 1_000_000. */
  attempts: number;
  /** The error of the last attempt, with its stack. At most 1_024 characters. */
  error?: string | undefined;
  /** When the last attempt ended, ms since the epoch. A time in the future counts as now. @default now */
  endedAt?: number | undefined;
  /** When the last attempt began, ms since the epoch. @default `endedAt` */
  startedAt?: number | undefined;
  /** The worker that made the last attempt. @default none */
  workerId?: string | undefined;
}

/** The result for one task that was given up. */
export interface GiveUpResult {
  /** The id of the task. */
  id: string;
  /** Whether the task became a dead letter, or why not. */
  outcome: "given_up" | "dead_already" | "not_scheduled" | "not_found";
}

export const giveUpShape = shapeOf<GivenUp>({
  what: "a task that is given up",
  title: "Task that is given up",
  example: '{ id: "old-1", reason: "retries_exhausted", attempts: 3, error: "Error: refused" }',
  kinds: {
    id: { ...text(1, 128), wants: "the id of a task", code: "invalid_task_id" },
    reason: oneOf("retries_exhausted", "crashes_exhausted", "fatal"),
    attempts: whole(1, 1_000_000),
    error: text(1, LIMITS.errorCharacters),
    endedAt: epochMs,
    startedAt: epochMs,
    workerId: pattern("1 to 128 of A-Z a-z 0-9 _ . : @ -", isWorkerId),
  },
  required: ["id", "reason", "attempts"],
  hints: {
    failedReason: "error",
    lastError: "error",
    stacktrace: "error",
    attemptsMade: "attempts",
    finishedOn: "endedAt",
    processedOn: "startedAt",
  },
});

const OUTCOMES = { g: "given_up", d: "dead_already", n: "not_scheduled", u: "not_found" } as const;

/** Makes dead letters of scheduled tasks. @returns one result per task, in the order given */
export function giveUpTasks(parts: Parts, tasks: readonly GivenUp[]): Promise<GiveUpResult[]> {
  if (!Array.isArray(tasks))
    throw new HoldfastError(
      "invalid_argument",
      `giveUp takes an array of { id, reason, attempts, … }, got ${shown(tasks)}`,
    );
  for (const task of tasks) checkShape(giveUpShape, task);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  return perId(
    parts,
    tasks.map(({ id }) => id),
    (part, own) =>
      giveUpHere(
        part.engine,
        own.map((id) => byId.get(id) as GivenUp),
      ),
  );
}

async function giveUpHere(engine: Engine, tasks: readonly GivenUp[]): Promise<GiveUpResult[]> {
  const letters = await engine.giveUp(tasks.flatMap(fieldsOf));
  return tasks.map(({ id }, i) => ({ id, outcome: OUTCOMES[letters[i] as keyof typeof OUTCOMES] }));
}

function fieldsOf({ id, reason, attempts, error, endedAt = 0, startedAt = 0, workerId = "-" }: GivenUp) {
  const times = [String(endedAt), String(startedAt)];
  const line = error === undefined ? "-" : `${errorSignature(error)}\n${encodeLine(error)}`;
  return [id, String(attempts), reason, ...times, workerId, line];
}

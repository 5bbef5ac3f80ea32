import { type ChangeResult, HoldfastError, LIMITS, type TaskChange } from "@holdfast/contracts";
import { anything, either, isText } from "../options/kinds.ts";
import { checkShape, shapeOf } from "../options/shape.ts";
import { checkWellFormed, payloadTextOf } from "../queue/new-task.ts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { stateOfLetter } from "./record.ts";
import { taskKinds } from "./task-options.ts";
import type { Request } from "./task-scripts.ts";
import { encodeWord } from "./text.ts";

const nothing = { wants: "null", is: (value: unknown) => value === null };

function contradictionOf(change: TaskChange): string | undefined {
  if (change.delayMs !== undefined && change.runAt !== undefined)
    return "delayMs and runAt cannot be combined";
  if (change.payload !== undefined && change.payloadText !== undefined)
    return "payload and payloadText cannot be combined";
  if (Object.values(change).every((value) => value === undefined))
    return "the change is empty: give runAt, delayMs, priority, key or payload";
  return undefined;
}

export const changeShape = shapeOf<TaskChange>({
  what: "a change of a waiting task",
  title: "Change of a waiting task",
  example: "{ delayMs: 0 }",
  kinds: {
    runAt: taskKinds.runAt,
    delayMs: taskKinds.delayMs,
    priority: taskKinds.priority,
    key: either(taskKinds.key, nothing),
    payload: anything,
    payloadText: { wants: "JSON text", is: isText },
  },
  hints: {
    delay: "delayMs",
    eta: "runAt",
    scheduledAt: "runAt",
    data: "payload",
    now: "delayMs: 0 runs it now",
  },
  rule: contradictionOf,
});

/** A checked change. Its payload, if it has one, was turned into JSON text. */
export type CheckedChange = Omit<TaskChange, "payload">;

/** Checks a change. @throws HoldfastError invalid_argument, payload_too_large */
export function checkChange(change: TaskChange): CheckedChange {
  checkShape(changeShape, change);
  const { payload, ...rest } = change;
  const checked = payload === undefined ? rest : { ...rest, payloadText: payloadTextOf(payload) };
  const { payloadText } = checked;
  if (payloadText === undefined) return checked;
  checkWellFormed(payloadText);
  if (payloadText === "")
    throw new HoldfastError("invalid_argument", "payloadText has to be JSON text, but it is empty");
  if (Buffer.byteLength(payloadText) > LIMITS.payloadBytes)
    throw new HoldfastError(
      "payload_too_large",
      `the payload has more than ${LIMITS.payloadBytes} bytes: store it elsewhere and give the task a reference`,
    );
  return checked;
}

const PRIORITIES = { high: "h", normal: "n", low: "l" } as const;

/**
 * Makes the same change to up to 500 waiting tasks.
 * @param how.waitedBefore tasks that began to wait after this time are left out, also in the results; 0 for no limit
 */
export async function changeTasks(
  engine: Engine,
  ids: readonly string[],
  { runAt, delayMs, priority, key, payloadText = "" }: CheckedChange,
  how: { request?: Request; waitedBefore?: number } = {},
): Promise<ChangeResult[]> {
  const args = {
    waitedBefore: how.waitedBefore ?? 0,
    givenTime: delayMs === undefined ? String(runAt ?? "") : `+${delayMs}`,
    givenPriority: priority === undefined ? "" : PRIORITIES[priority],
    givenKey: key === undefined ? "" : `=${key === null ? "" : encodeWord(key)}`,
    givenPayload: payloadText,
    tail: ids,
  };
  const reply = await engine.runRequest<scripts.ChangeArgs, string>(scripts.changeScript, args, how.request);
  const [letters = "", ...owners] = reply.split(" ");
  return ids.flatMap((id, i) => resultsOf(id, letters[i] ?? "u", owners));
}

/** Decodes the answer for one task. @param owners ids from the answer; removes those that belong to `letter` */
function resultsOf(id: string, letter: string, owners: string[]): ChangeResult[] {
  if (letter === "n") return [];
  if (letter === "u") return [{ id, outcome: "not_found" }];
  if (letter === "k") return [{ id, outcome: "key_full" }];
  if (letter === "w")
    return [{ id, outcome: "unique_conflict", state: "scheduled", heldBy: owners.shift() as string }];
  if (letter === "W") return [{ id, outcome: "not_waiting", state: "waiting" }];
  const state = stateOfLetter(letter.toLowerCase()) as NonNullable<ChangeResult["state"]>;
  if (letter === "p" || letter === "s") return [{ id, outcome: "changed", state }];
  if (letter === "P" || letter === "S") return [{ id, outcome: "unchanged", state }];
  return [{ id, outcome: "not_waiting", state }];
}

import { type BulkChange, type ChangeResult, HoldfastError, type TaskChange } from "@holdfast/contracts";
import { changeTasks, checkChange } from "../engine/change.ts";
import { type Parts, perId } from "../partitions/parts.ts";

/**
 * Changes waiting tasks by their ids, each in the partition that it is in.
 * @returns one result per id, in the order given
 */
export function changeIds(parts: Parts, ids: readonly string[], change: TaskChange): Promise<ChangeResult[]> {
  const checked = checkChange(change);
  if (checked.payloadText !== undefined && ids.length !== 1)
    throw new HoldfastError("invalid_argument", "a new payload needs exactly one id");
  return perId(parts, ids, (part, own) => {
    if (checked.key) for (const id of own) parts.checkKeyOf(id, checked.key);
    return changeTasks(part.engine, own, checked);
  });
}

/**
 * Checks a change that is to be made to many tasks. @throws HoldfastError invalid_argument if it has a key or a
 * payload, which can only be changed for tasks by id
 */
export function checkBulkChange(change: BulkChange): BulkChange {
  const checked = checkChange(change);
  for (const name of ["key", "payloadText"] as const)
    if (checked[name] !== undefined)
      throw new HoldfastError(
        "invalid_argument",
        `${name === "key" ? "a new key" : "a new payload"} needs ids, and cannot be given with a filter: change(queue, ids, change)`,
      );
  return checked;
}

import { HoldfastError, LIMITS, type Unique } from "@holdfast/contracts";
import { checkTaskId } from "../engine/names.ts";
import { taskKinds } from "../engine/task-options.ts";
import { checkArgument } from "../options/shape.ts";
import { partitionOfKey } from "./partition-names.ts";
import type { Parts } from "./parts.ts";

// Tasks without an id or a key go to one partition until a script call is full, and then to the next one.
const TOGETHER = LIMITS.scriptTasks;

/** The fields of a task that decide which partition it goes to. */
export interface RoutedTask {
  id?: string | undefined;
  partitionKey?: string | undefined;
  key?: string | undefined;
  unique?: Unique | undefined;
}

/** Chooses the partition for each task that is enqueued. A queue without partitions counts as one partition. */
export class PartRouter {
  #turn = 0;
  #together = 0;

  /**
   * Returns the index of the partition in `parts.all`; -1 if the id names a partition that does not exist.
   * @throws HoldfastError invalid_task_id, invalid_argument
   */
  placeFor(parts: Parts, task: RoutedTask | undefined): number {
    if (task?.unique !== undefined && parts.partitions) return parts.placeOfKey(uniqueKeyAlone(task));
    if (task?.id !== undefined) {
      if (parts.partitions && task.key !== undefined)
        throw new HoldfastError(
          "invalid_argument",
          "id and key cannot be combined in a queue with partitions: the tasks of a key have to be in one partition",
        );
      return parts.placeOf(checkTaskId(task.id));
    }
    if (task?.partitionKey !== undefined) {
      const key = checkArgument("partitionKey", taskKinds.partitionKey, task.partitionKey);
      return parts.partitions ? partitionOfKey(key, parts.partitions) : 0;
    }
    if (task?.key !== undefined && parts.partitions)
      return parts.placeOfKey(checkArgument("key", taskKinds.key, task.key));
    return this.#next(parts.all.length);
  }

  #next(count: number): number {
    if (this.#together++ >= TOGETHER) {
      this.#together = 1;
      this.#turn++;
    }
    if (this.#together === 1) {
      setImmediate(() => {
        this.#turn++;
        this.#together = 0;
      });
    }
    return this.#turn % count;
  }
}

/**
 * Returns the unique key, which decides the partition of the task.
 * @throws HoldfastError invalid_argument if another option would also decide the partition
 */
function uniqueKeyAlone({ unique, id, partitionKey, key }: RoutedTask): string {
  const other = id !== undefined ? "id" : partitionKey !== undefined ? "partitionKey" : "key";
  if (id !== undefined || partitionKey !== undefined || key !== undefined)
    throw new HoldfastError(
      "invalid_argument",
      `unique and ${other} cannot be combined in a queue with partitions: the tasks of a unique key have to be in one partition`,
    );
  return checkArgument("unique.key", taskKinds.key, unique?.key as string);
}

import { HoldfastError, isQueueName } from "@holdfast/contracts";

/** @throws HoldfastError invalid_queue_name */
export function checkQueueName(name: string): string {
  if (!isQueueName(name)) {
    throw new HoldfastError(
      "invalid_queue_name",
      `"${name}" is no queue name: 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit, no ".."`,
    );
  }
  return name;
}

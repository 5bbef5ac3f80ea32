import { isTaskId } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { mintPartitionId, partitionHash, partitionOfId, partitionOfKey } from "./partition-names.ts";

test("the hash does not change, because it decides in which partition stored tasks are", () => {
  expect(["", "a", "order-1", "žluť", "x".repeat(128)].map(partitionHash)).toEqual([
    2872998923, 444641715, 2449496732, 681114505, 1514031068,
  ]);
});

test("keys are spread evenly, even short runs of numbers", () => {
  for (const prefix of ["customer-", ""]) {
    const counts = new Array<number>(8).fill(0);
    for (let n = 0; n < 8_000; n++) {
      const at = partitionOfKey(`${prefix}${n}`, { first: 8, count: 8 });
      counts[at] = (counts[at] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  }
});

test("a minted id contains its partition, whatever the numbers of partitions are", () => {
  for (const partition of [0, 7, 255]) {
    const id = mintPartitionId(partition);
    expect(isTaskId(id)).toBe(true);
    for (const count of [1, 8, 256]) expect(partitionOfId(id, { first: 1, count })).toBe(partition);
  }
});

test("a given id stays in its partition when the queue grows", () => {
  for (let n = 0; n < 500; n++) {
    const id = n % 2 ? `order-${n}` : `p:${n}:short`;
    const before = partitionOfId(id, { first: 3, count: 3 });
    expect(before).toBeLessThan(3);
    expect(partitionOfId(id, { first: 3, count: 64 })).toBe(before);
  }
});

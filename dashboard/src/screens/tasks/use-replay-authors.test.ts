import type { AuditRecord } from "@holdfast/contracts/api";
import { expect, it } from "vitest";
import { authorOfReplay } from "./use-replay-authors.ts";

const record = (at: number, part: Partial<AuditRecord> = {}): AuditRecord => ({
  ...{ at, actor: "ana", keyId: null, role: null, from: "127.0.0.1", action: "dead_letters.replay" },
  ...{ queue: "q", subject: null, count: 3, reason: null, outcome: "succeeded", code: null },
  ...{ requestId: "r", clientRequestId: null, operationId: null },
  ...part,
});

it("the author of a replay is who replayed exactly that task, even if there was another replay near it", () => {
  const records = [record(900), record(1_050, { actor: "bo", subject: "t-1", count: 1, reason: "fixed" })];
  expect(authorOfReplay(records, "t-1", 1_000)).toEqual({ actor: "bo", reason: "fixed", count: 1 });
});

it("the author is who replayed several tasks at that time, if there was only one such replay", () => {
  expect(authorOfReplay([record(1_050)], "t-1", 1_000)).toEqual({ actor: "ana", reason: null, count: 3 });
  expect(authorOfReplay([record(1_050), record(1_100)], "t-1", 1_000)).toBeNull();
});

it("the author is nobody who replayed another task, was refused, or replayed at another time", () => {
  const records = [
    record(1_050, { subject: "t-2" }),
    record(1_050, { outcome: "refused" }),
    record(9_000),
    record(9_000, { subject: "t-1" }),
  ];
  expect(authorOfReplay(records, "t-1", 1_000)).toBeNull();
});

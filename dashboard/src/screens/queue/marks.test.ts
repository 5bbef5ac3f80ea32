import type { AuditRecord } from "@holdfast/contracts/api";
import { expect, it } from "vitest";
import { marksNear, marksOf } from "./marks.ts";

const action = (at: number, part: Partial<AuditRecord>): AuditRecord => ({
  ...{ at, actor: "ana", keyId: null, role: null, from: "", queue: "orders", subject: null, count: 0 },
  ...{ reason: null, outcome: "succeeded", code: null, requestId: "r", clientRequestId: null },
  ...{ operationId: null, action: "queue.pause" },
  ...part,
});

it("marks deploys, pauses and replays of the span in their order, with who did them and why", () => {
  const marks = marksOf(
    [
      { at: 50, version: "1.0.0" },
      { at: 300, version: "1.1.0" },
    ],
    [
      action(400, { action: "dead_letters.replay", count: 12, outcome: "accepted" }),
      action(200, { reason: "vendor outage" }),
      action(350, { action: "queue.resume" }),
      action(360, { action: "queue.pause", outcome: "refused" }),
      action(900, { action: "queue.pause" }),
    ],
    { since: 100, until: 500 },
  );
  expect(marks.map(({ at, text }) => [at, text])).toEqual([
    [200, "Paused by ana: vendor outage"],
    [300, "Workers of version 1.1.0"],
    [350, "Resumed by ana"],
    [400, "12 dead letters replayed by ana"],
  ]);
  expect(marksNear(marks, 352, 400).map(({ kind }) => kind)).toEqual(["resume"]);
});

it("keeps only the newest marks if there are very many", () => {
  const many = Array.from({ length: 200 }, (_, n) => action(n + 1, { action: "queue.pause" }));
  const marks = marksOf([], many, { since: 0, until: 1_000 });
  expect([marks.length, marks.at(-1)?.at]).toEqual([60, 200]);
});

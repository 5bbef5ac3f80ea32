import { EventEmitter } from "node:events";
import { createMetrics } from "@holdfast/service";
import type { Janitor } from "holdfast";
import { expect, test } from "vitest";
import { janitorReadiness } from "./app.ts";
import { observeJanitor } from "./metrics.ts";

test("a janitor is ready while Redis answers and sweeps go through", () => {
  const green = { ok: true, detail: "" };
  expect(janitorReadiness(green, 0, 5_000, 1_000)).toEqual({ ok: false, detail: "no sweep yet" });
  expect(janitorReadiness(green, 100_000, 109_000, 1_000).ok).toBe(true);
  expect(janitorReadiness(green, 100_000, 111_000, 1_000).ok).toBe(false);
  expect(janitorReadiness(green, 100_000, 111_000, 2_000).ok).toBe(true);
  expect(janitorReadiness({ ok: false, detail: "down" }, 1, 1, 1_000).detail).toBe("down");
});

test("events become metrics, and a violation that was mended goes back to zero", async () => {
  const metrics = createMetrics({ service: "janitor", version: "0", http: false });
  const source = Object.assign(new EventEmitter(), { lastSuccessAt: () => 1_700_000_000_500 });
  observeJanitor(source as unknown as Janitor, metrics);
  source.emit("swept", { queue: "emails", promoted: 1, reaped: { requeued: 4, dead: 2, cancelled: 0 } });
  source.emit("audited", {
    queue: "emails",
    violations: [
      { invariant: "I1", detail: "x" },
      { invariant: "I1", detail: "y" },
    ],
    repaired: 2,
  });
  source.emit("rewound", { queue: "emails", epochSeen: 9, epoch: 3, runIdSeen: "a", runId: "b" });
  let text = await metrics.registry.metrics();
  expect(text).toContain('holdfast_tasks_reaped_total{queue="emails",action="requeued"} 4');
  expect(text).toContain('holdfast_tasks_reaped_total{queue="emails",action="cancelled"} 0');
  expect(text).toContain('reason="crashes_exhausted"} 2');
  expect(text).toContain('holdfast_audit_violations{queue="emails",invariant="I1"} 2');
  expect(text).toContain('holdfast_audit_violations{queue="emails",invariant="I2"} 0');
  expect(text).toContain("holdfast_janitor_last_success_timestamp_seconds 1700000000.5");
  source.emit("audited", { queue: "emails", violations: [], repaired: 0 });
  text = await metrics.registry.metrics();
  expect(text).toContain('holdfast_audit_violations{queue="emails",invariant="I1"} 0');
  expect(text).toContain('holdfast_audit_violations_found_total{queue="emails",invariant="I1"} 2');
  expect(text).toContain('holdfast_audit_repairs_total{queue="emails"} 2');
  expect(text).toContain('holdfast_rewinds_total{queue="emails"} 1');
});

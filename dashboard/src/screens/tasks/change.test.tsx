import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { deadTask, frame, queueStats, renderAt } from "../../testing/render.tsx";

const TASK = "/v1/queues/emails/tasks/t-1";
const waiting = (part: object) => deadTask("t-1", { deadReason: null, endedAt: null, ...part });

/** Renders the page of a task. The test service accepts each change of the task. */
function show(part: object) {
  return renderAt("/queues/emails/tasks/t-1", (call) => {
    if (call.path === TASK && call.method === "PATCH")
      return { body: { id: "t-1", outcome: "changed", state: "pending" } };
    return call.path === TASK ? { body: waiting(part) } : frame([queueStats({ scheduled: 1 })])(call);
  });
}

const patches = (calls: { method: string; bodyText: string | null }[]) =>
  calls.filter(({ method }) => method === "PATCH").map(({ bodyText }) => JSON.parse(bodyText ?? ""));

it("runs a scheduled task now", async () => {
  const { calls } = show({ state: "scheduled", runAt: 9e12 });
  await userEvent.click(await screen.findByRole("button", { name: "Run now" }));
  await screen.findByText("The task is pending now");
  expect(patches(calls)).toEqual([{ delayMs: 0 }]);
});

it("sends only changed values, and the payload character for character", async () => {
  const { calls } = show({ state: "pending", payloadText: '{"n":1.0}', key: "acme" });
  expect(screen.queryByRole("button", { name: "Run now" })).toBeNull();
  await userEvent.click(await screen.findByRole("button", { name: "Change…" }));
  const dialog = within(await screen.findByRole("dialog"));
  const save = dialog.getByRole<HTMLButtonElement>("button", { name: "Change task" });
  expect(save.disabled).toBe(true);
  await userEvent.type(dialog.getByLabelText("Due in seconds"), "1.5");
  await userEvent.click(dialog.getByRole("radio", { name: "High" }));
  await userEvent.clear(dialog.getByLabelText("Key"));
  await userEvent.clear(dialog.getByLabelText("Payload"));
  expect(save.disabled).toBe(true);
  await userEvent.type(dialog.getByLabelText("Payload"), "12345678901234567890");
  await userEvent.click(save);
  await screen.findByText("Task changed");
  expect(calls.find(({ method }) => method === "PATCH")?.bodyText).toContain('"12345678901234567890"');
  expect(patches(calls)).toEqual([
    { delayMs: 1_500, priority: "high", key: null, payloadText: "12345678901234567890" },
  ]);
});

it("shows what was changed, and offers no change of a running task", async () => {
  const changes = { count: 2, firstAt: 1, lastAt: 2, by: "x", fields: ["runAt", "payload"] };
  show({ state: "processing", changes });
  const facts = within(await screen.findByRole("region", { name: "Facts" }));
  expect(facts.getByText("Changed").nextElementSibling?.textContent).toContain("time, payload · 2 times");
  expect(screen.queryByRole("button", { name: "Change…" })).toBeNull();
  expect(screen.getByRole("button", { name: "Cancel task" })).toBeTruthy();
});

it("runs all scheduled tasks now, after a confirmation that names their number", async () => {
  const { calls } = renderAt("/queues/emails/tasks?state=scheduled", (call) => {
    if (call.path === "/v1/queues/emails/tasks/change")
      return { body: { dryRun: false, matched: 101, changed: 101, skipped: 0, operationId: "op_1" } };
    if (call.path === "/v1/queues/emails/tasks")
      return { body: { tasks: [waiting({ state: "scheduled" })], cursor: null, scanned: 1, total: 1 } };
    return frame([queueStats({ scheduled: 101 })])(call);
  });
  await userEvent.click(await screen.findByRole("button", { name: "Run all scheduled now" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  const go = dialog.getByRole<HTMLButtonElement>("button", { name: "Run now" });
  expect(go.disabled).toBe(true);
  await userEvent.type(dialog.getByLabelText("Confirmation"), "run 101");
  await userEvent.click(go);
  await screen.findByText("101 tasks made pending");
  const [sent] = calls.filter(({ path }) => path.endsWith("/tasks/change"));
  expect(JSON.parse(sent?.bodyText ?? "")).toEqual({ all: true, change: { delayMs: 0 } });
});

import { cleanup, fireEvent, screen, within } from "@testing-library/react";
import { expect, it } from "vitest";
import { deadTask, frame, queueStats, renderAt } from "../../testing/render.tsx";

/** Switches the payload to its exact text, and returns its part of the screen. */
async function exactPayload(): Promise<HTMLElement> {
  const payload = await screen.findByRole("region", { name: "Payload" });
  fireEvent.click(within(payload).getByRole("radio", { name: "Exact" }));
  return payload;
}

it("shows payload and errors character for character, never as markup", async () => {
  const payloadText = '{"n":12345678901234567890,"html":"<img src=x onerror=alert(1)>"}';
  renderAt("/queues/emails/tasks/t-1", (call) => {
    if (call.path === "/v1/queues/emails/tasks/t-1") {
      const task = deadTask("t-1", {
        payloadText,
        history: [
          {
            attempt: 1,
            generation: 0,
            outcome: "failed",
            workerId: "w-1",
            fence: "1-abc",
            startedAt: 1_500,
            endedAt: 1_750,
            error: "<b>boom</b>",
          },
        ],
      });
      return { body: task };
    }
    return frame([queueStats({ dead: 1 })])(call);
  });
  const payload = await exactPayload();
  expect(payload.querySelector("pre")?.textContent).toBe(payloadText);
  expect(screen.getByText("<b>boom</b>")).toBeTruthy();
  expect(screen.getByText(/waited 500 ms, ran 250 ms/)).toBeTruthy();
  expect(document.querySelector("img, b")).toBeNull();
});

it("lists the steps of a task, and the signals that it has not used yet", async () => {
  const step = { outcome: "done", at: 1_000, bytes: 2, calledId: null } as const;
  const steps = {
    ...{ count: 3, bytes: 6, signals: [{ event: "late", at: 2_000, bytes: 0 }] },
    steps: [
      { ...step, name: "<b>charge</b>", kind: "step" as const },
      { ...step, name: "pdf", kind: "call" as const, outcome: "open" as const, calledId: "t-2" },
    ],
  };
  renderAt("/queues/emails/tasks/t-1", (call) =>
    call.path === "/v1/queues/emails/tasks/t-1"
      ? { body: deadTask("t-1", { steps }) }
      : frame([queueStats({ dead: 1 })])(call),
  );
  const panel = within(await screen.findByRole("region", { name: "Steps" }));
  expect(panel.getByText("<b>charge</b>")).toBeTruthy();
  expect(panel.getByText(/waits for its task t-2/)).toBeTruthy();
  expect(panel.getByText(/signal, not used yet/)).toBeTruthy();
  expect(panel.getByText(/3 steps/)).toBeTruthy();
});

it("says that the task does not exist, and names possible reasons", async () => {
  renderAt("/queues/emails/tasks/gone", (call) =>
    call.path.endsWith("/tasks/gone")
      ? { status: 404, body: { code: "task_not_found", detail: "there is no task gone in queue emails" } }
      : frame([queueStats()])(call),
  );
  await screen.findByText("there is no task gone in queue emails");
  expect(screen.getByText(/removed by retention/)).toBeTruthy();
});

it("shows what other users did to a dead task, and says when it is gone", async () => {
  let answer: { status?: number; body: unknown } = { body: deadTask("t-1") };
  renderAt("/queues/emails/tasks/t-1", (call) =>
    call.path === "/v1/queues/emails/tasks/t-1" ? answer : frame([queueStats({ dead: 1 })])(call),
  );
  await screen.findByRole("button", { name: "Replay" });
  answer = { body: deadTask("t-1", { state: "completed", deadReason: null, endedAt: 9_000 }) };
  await screen.findByText("Completed");
  expect(screen.queryByRole("button", { name: "Replay" })).toBeNull();
  answer = { status: 404, body: { code: "task_not_found", detail: "there is no task t-1" } };
  await screen.findByText("This task is gone:");
  // The data of the last successful request stays on the screen.
  expect(screen.getByRole("heading", { name: "t-1" })).toBeTruthy();
}, 30_000);

it("shows the hidden characters of a payload, and keeps its exact text", async () => {
  const payloadText = '{"to":"admin\u202e","name":["\u05d0",1,"\u05d1"],"x":"\u200b"}';
  renderAt("/queues/emails/tasks/t-1", (call) =>
    call.path === "/v1/queues/emails/tasks/t-1"
      ? { body: deadTask("t-1", { payloadText }) }
      : frame([queueStats({ dead: 1 })])(call),
  );
  const payload = await exactPayload();
  expect(payload.querySelector("pre")?.textContent).toBe(payloadText);
  const marks = [...payload.querySelectorAll<HTMLElement>(".code-point")].map(({ dataset }) => dataset.code);
  expect(marks).toEqual(["U+202E", "U+200B"]);
  expect([...payload.querySelectorAll("bdi")].map(({ textContent }) => textContent)).toEqual([
    "\u05d0",
    "\u05d1",
  ]);
});

it("shows the key with a link to its limits, and a cost other than 1", async () => {
  const key = "\u05d0/1 \u{1f600}";
  const show = (part: object) =>
    renderAt("/queues/emails/tasks/t-1", (call) =>
      call.path === "/v1/queues/emails/tasks/t-1"
        ? { body: deadTask("t-1", part) }
        : frame([queueStats({ dead: 1 })])(call),
    );
  show({ key, cost: 5 });
  const facts = within(await screen.findByRole("region", { name: "Facts" }));
  expect(facts.getByText("Cost").nextElementSibling?.textContent).toBe("5");
  const link = facts.getByText("Key").nextElementSibling?.querySelector("a");
  expect(link?.textContent).toBe(key);
  expect(new URL(link?.href ?? "").searchParams.get("key")).toBe(key);
  cleanup();
  show({});
  const others = within(await screen.findByRole("region", { name: "Facts" }));
  expect(others.queryByText("Key")).toBeNull();
  expect(others.queryByText("Cost")).toBeNull();
});

it("shows until when a task is kept, and its option", async () => {
  const keep = { completedMs: 3_600_000, deadMs: 60_000, count: 5 };
  renderAt("/queues/emails/tasks/t-1", (call) =>
    call.path === "/v1/queues/emails/tasks/t-1"
      ? { body: deadTask("t-1", { keep, keptUntil: Date.UTC(2031, 0, 1) }) }
      : frame([queueStats({ dead: 1 })])(call),
  );
  const facts = within(await screen.findByLabelText("Facts"));
  expect(facts.getByText("Kept until").nextElementSibling?.textContent).toMatch(/^in \d+ d$/);
  expect(facts.getByText("Keep").nextElementSibling?.textContent).toBe(
    "completed for 1 h, the newest 5 of its type, dead for 1 min",
  );
});

it("shows the schedule of a task, and which run it was", async () => {
  const show = (run: number | null) =>
    renderAt("/queues/emails/tasks/t-1", (call) =>
      call.path === "/v1/queues/emails/tasks/t-1"
        ? { body: deadTask("t-1", { schedule: { id: "nightly", run, dueAt: 0 } }) }
        : frame([queueStats({ dead: 1 })])(call),
    );
  show(1_017);
  const facts = within(await screen.findByRole("region", { name: "Facts" }));
  const value = facts.getByText("Schedule").nextElementSibling;
  expect(value?.textContent).toMatch(/^nightly · run 1,017 · /);
  expect(value?.querySelector("a")?.getAttribute("href")).toMatch(/\/schedules\?q=nightly$/);
  cleanup();
  show(null);
  await screen.findByText(/run by hand/);
});

it("shows the unique key, who took it last and how often the task was replaced", async () => {
  const unique = {
    key: "k <b>",
    scope: "window",
    windowMs: 60_000,
    onConflict: "existing",
    maxWaitMs: null,
  } as const;
  const replaced = { count: 2, firstAt: 1, lastAt: 2, by: "x" };
  renderAt("/queues/emails/tasks/t-1", (call) =>
    call.path === "/v1/queues/emails/tasks/t-1"
      ? { body: deadTask("t-1", { unique: { ...unique, replaced, holder: "t-2" } }) }
      : frame([queueStats({ dead: 1 })])(call),
  );
  const facts = within(await screen.findByRole("region", { name: "Facts" }));
  const value = facts.getByText("Unique key").nextElementSibling;
  expect(value?.textContent).toBe("k <b> (window of 1 min) · replaced 2 times · last taken by t-2");
  expect(value?.querySelector("a")?.getAttribute("href")).toMatch(/\/queues\/emails\/tasks\/t-2$/);
});

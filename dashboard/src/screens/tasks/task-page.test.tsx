import { cleanup, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { deadTask, frame, queueStats, renderAt } from "../../testing/render.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

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
            token: "1-abc",
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
  expect(await screen.findByText(payloadText, {}, { timeout: 5_000 })).toBeTruthy();
  expect(screen.getByText("<b>boom</b>")).toBeTruthy();
  expect(screen.getByText(/waited 500 ms, ran 250 ms/)).toBeTruthy();
  expect(document.querySelector("img, b")).toBeNull();
});

it("says that the task does not exist, with what may have happened", async () => {
  renderAt("/queues/emails/tasks/gone", (call) =>
    call.path.endsWith("/tasks/gone")
      ? { status: 404, body: { code: "task_not_found", detail: "there is no task gone in queue emails" } }
      : frame([queueStats()])(call),
  );
  await screen.findByText("there is no task gone in queue emails", {}, { timeout: 5_000 });
  expect(screen.getByText(/removed by retention/)).toBeTruthy();
});

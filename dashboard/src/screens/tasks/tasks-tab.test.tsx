import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { deadTask, frame, queueStats, renderAt } from "../../testing/render.tsx";

const LIST = "/v1/queues/emails/tasks";

it("requests the next page with the cursor of the last one, and shows each task once", async () => {
  const page = (from: number) =>
    Array.from({ length: 100 }, (_, index) => deadTask(`t-${from + index}`, { state: "completed" }));
  const { calls } = renderAt("/queues/emails/tasks?state=completed", (call) => {
    if (call.path === LIST && call.query.cursor === undefined) {
      return { body: { tasks: page(0), cursor: "c1", scanned: 100 } };
    }
    // The second page begins with the last task of the first page. This happens if the list changes between the two
    // requests.
    if (call.path === LIST) return { body: { tasks: page(99), cursor: null, scanned: 100 } };
    return frame([queueStats({ completed: 199 })])(call);
  });
  await screen.findByText(/^100 tasks loaded/);
  const scroller = screen.getByRole("rowgroup", { name: /scrollable/ });
  scroller.scrollTop = 3_800;
  fireEvent.scroll(scroller);
  await screen.findByText("199 tasks loaded");
  await screen.findByText("All shown");
  const lists = calls.filter(({ path }) => path === LIST);
  expect(lists.map(({ query }) => query.cursor)).toEqual([undefined, "c1"]);
  expect(lists[0]?.query.state).toBe("completed");
});

it("if the list cannot be loaded, shows the cause and what to do, and tries again", async () => {
  let broken = true;
  renderAt("/queues/emails/tasks", (call) => {
    if (call.path === LIST && broken) {
      return { status: 400, body: { code: "invalid_cursor", detail: "invalid cursor" } };
    }
    if (call.path === LIST) return { body: { tasks: [deadTask("t-1")], cursor: null, scanned: 1 } };
    return frame([queueStats({ pending: 1 })])(call);
  });
  await screen.findByText("invalid cursor");
  expect(screen.getByText(/load it again from the start/)).toBeTruthy();
  broken = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(screen.getByRole("link", { name: "t-1" })).toBeTruthy());
});

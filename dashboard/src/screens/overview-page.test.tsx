import { screen, within } from "@testing-library/react";
import { expect, it } from "vitest";
import { deadTask, frame, queueStats, renderAt } from "../testing/render.tsx";

const stats = [
  queueStats({ queue: "fine" }),
  queueStats({ queue: "emails", dead: 2 }),
  queueStats({ queue: "held", dead: 9, pending: 5, paused: true }),
  queueStats({ queue: "orders", pending: 4 }),
];

it("names the queues that need attention with the error of their newest dead letter, and says how many errors are new", async () => {
  const { calls } = renderAt("/", (call) => {
    if (call.path === "/v1/queues/emails/tasks" && call.query.state === "dead")
      return {
        body: { tasks: [deadTask("t1", { lastError: "Error: no route\n  at x" })], cursor: null, total: 2 },
      };
    if (call.path === "/v1/errors" && call.query.kind === "new")
      return { body: { at: 1, errors: [], total: 3, dead: 2, other: [] } };
    return frame(stats)(call);
  });
  const panel = await screen.findByRole("region", { name: "2 queues need attention" });
  const names = within(panel).getAllByRole("link", { name: /^(orders|emails|held|fine)$/ });
  expect(names.map(({ textContent }) => textContent)).toEqual(["orders", "emails"]);
  const death = await within(panel).findByRole("link", { name: "Error: no route" });
  expect(death.getAttribute("href")).toBe("/queues/emails/tasks/t1");
  const news = await screen.findByRole("link", { name: "3 new errors since the last deploy" });
  expect(news.getAttribute("href")).toBe("/errors?kind=new");
  // Somebody paused this queue on purpose, so the overview does not request its newest error.
  expect(calls.some(({ path }) => path === "/v1/queues/held/tasks")).toBe(false);
});

import { screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { frame, queueStats, renderAt } from "../testing/render.tsx";

const AtLast = () => <h1>Workers at last</h1>;

it("says that a screen could not be loaded, and opens it when its code arrives", async () => {
  let isAway = true;
  vi.doMock("../screens/workers/workers-page.tsx", () => {
    if (isAway) throw new TypeError("Failed to fetch dynamically imported module");
    return { WorkersPage: AtLast };
  });
  renderAt("/workers", frame([queueStats()]));
  await screen.findByText("Cannot load the screen Workers");
  expect(screen.getByRole("navigation", { name: "Main" })).toBeTruthy();
  isAway = false;
  vi.resetModules();
  await screen.findByText("Workers at last");
  expect(screen.queryByText("Cannot load the screen Workers")).toBe(null);
}, 30_000);

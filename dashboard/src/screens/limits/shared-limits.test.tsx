import type { SharedLimitView } from "@holdfast/contracts";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { body, show, view } from "../../testing/limits.tsx";

const DB: SharedLimitView = {
  name: "db",
  limit: { concurrency: 50, rate: { limit: 600, periodMs: 60_000 } },
  queues: ["emails", "orders"],
  shares: {
    "emails/0": { concurrency: 8, rate: 90 },
    "emails/1": { concurrency: 2, rate: 10 },
    "emails-2": { concurrency: 1, rate: 1 },
    orders: { concurrency: 40, rate: 500 },
  },
};

/**
 * Renders the screen with a limit `db` that two queues share. `all` returns the stored limits at the moment of a
 * save.
 */
const withDb = (all: () => SharedLimitView[] = () => [DB]) =>
  show(view({ shared: [DB], running: 10, blockedBy: "shared" }), [], ({ method, path }) => {
    if (method === "GET" && path === "/v1/limits") return { body: { limits: all() } };
    if (path.startsWith("/v1/limits/")) return method === "PUT" ? { body: DB } : { body: null };
    return undefined;
  });

const form = async (button: string) => {
  await userEvent.click(await screen.findByRole("button", { name: button }));
  return within(await screen.findByRole("dialog"));
};

it("shows the whole limit, its queues and the share of this queue, which may have partitions", async () => {
  withDb();
  const table = await screen.findByRole("table", { name: "Limits shared with other queues" });
  const cells = within(table).getAllByRole("cell");
  expect(cells.slice(0, 4).map(({ textContent }) => textContent)).toEqual([
    "db",
    "Whole limit50 at one time, 600 per min, evenly spaced",
    "This queue now10 at one time, 100 per min",
    "Queuesemails, orders",
  ]);
  expect(screen.getByText("share of a limit used up")).toBeTruthy();
});

it("explains shared limits if there is none", async () => {
  show(view(), []);
  await screen.findByText(/A limit can hold for several queues together/);
});

it("shares a new limit among queues, and warns about one that does not exist", async () => {
  const { calls } = withDb();
  const dialog = await form("Share a limit");
  const save = dialog.getByRole<HTMLButtonElement>("button", { name: "Save" });
  await userEvent.type(dialog.getByLabelText("Name"), "api");
  await userEvent.type(dialog.getByLabelText("Queues"), " bills,orders,bills");
  await dialog.findByText("Saving creates these queues, which do not exist yet: bills, orders.");
  expect(save.disabled).toBe(true);
  await userEvent.type(dialog.getByLabelText("At one time"), "20");
  expect(dialog.queryByLabelText("Weight")).toBeNull();
  await userEvent.click(save);
  await screen.findByText("Limit api is shared");
  expect(body(calls, "PUT", "/v1/limits/api")).toEqual({
    limit: { concurrency: 20 },
    queues: ["emails", "bills", "orders"],
  });
});

it("refuses the name of an existing limit, and invalid names", async () => {
  const { calls } = withDb();
  const dialog = await form("Share a limit");
  await userEvent.type(dialog.getByLabelText("Name"), "d/b");
  expect(dialog.getByText(/then letters, digits, - _ and \./)).toBeTruthy();
  await userEvent.clear(dialog.getByLabelText("Name"));
  await userEvent.type(dialog.getByLabelText("Name"), "db");
  await userEvent.type(dialog.getByLabelText("Queues"), " a/b");
  expect(dialog.getByText("“a/b” is not a valid name of a queue.")).toBeTruthy();
  await userEvent.clear(dialog.getByLabelText("Queues"));
  expect(dialog.getByText("1 to 100 queues.")).toBeTruthy();
  await userEvent.type(dialog.getByLabelText("Queues"), "emails");
  await userEvent.type(dialog.getByLabelText("At one time"), "5");
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await dialog.findByText("A limit “db” already exists. Choose another name.");
  expect(body(calls, "PUT", "/v1/limits/db")).toBeUndefined();
});

it("changes a shared limit, and does not undo the change of someone else", async () => {
  let now = DB;
  const { calls } = withDb(() => [now]);
  const dialog = await form("Change");
  const concurrency = dialog.getByLabelText("At one time");
  await userEvent.clear(concurrency);
  await userEvent.clear(dialog.getByLabelText("Rate"));
  expect(dialog.getByText("Give this, a rate or both.")).toBeTruthy();
  await userEvent.type(concurrency, "30");
  await userEvent.type(dialog.getByLabelText("Queues"), ", bills");
  expect(dialog.getAllByRole("listitem").map(({ textContent }) => textContent)).toEqual([
    "Together, at one time: 50 becomes→ 30",
    "Together, rate: 600 per min, evenly spaced becomes→ no limit",
    "Queues: emails, orders becomes→ bills, emails, orders",
  ]);
  now = { ...DB, queues: ["emails"] };
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await dialog.findByText(/Someone else has changed/);
  expect(body(calls, "PUT", "/v1/limits/db")).toBeUndefined();
  now = { ...DB, shares: {} };
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await screen.findByText("Limit db is shared");
  expect(body(calls, "PUT", "/v1/limits/db")).toEqual({
    limit: { concurrency: 30 },
    queues: ["emails", "orders", "bills"],
  });
});

it("ends a shared limit after a confirmation", async () => {
  const { calls } = withDb();
  await userEvent.click(await screen.findByRole("button", { name: "End" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  expect(dialog.getByText("emails, orders")).toBeTruthy();
  expect(calls.some(({ method }) => method === "DELETE")).toBe(false);
  await userEvent.click(dialog.getByRole("button", { name: "End it" }));
  await screen.findByText("Limit db has ended");
  expect(calls.some(({ method, path }) => method === "DELETE" && path === "/v1/limits/db")).toBe(true);
});

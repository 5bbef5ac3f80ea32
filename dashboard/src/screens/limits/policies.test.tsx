import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { body, HOLD, keyView, LIMITS, show, view } from "../../testing/limits.tsx";

const STRICT = { concurrency: 1, ordered: true, onDead: "stop", maxWaiting: 50 } as const;

async function openForm() {
  await userEvent.click(await screen.findByRole("button", { name: "Change limits" }));
  const dialog = within(await screen.findByRole("dialog"));
  const each = within(dialog.getByRole("group", { name: "The tasks of each key" }));
  const changes = () =>
    within(dialog.getByRole("region", { name: "What changes" }))
      .queryAllByRole("listitem")
      .map(({ textContent }) => textContent);
  return { dialog, each, changes, save: dialog.getByRole<HTMLButtonElement>("button", { name: "Save" }) };
}

it("shows the policies for the tasks of each key, and what the keys share", async () => {
  show(view({ limits: { key: { ...STRICT, whenFull: "drop-new" }, fairBy: "time" } }), []);
  await screen.findByText("Order");
  for (const [term = "", text] of [
    ["Order", "strict, stops at a dead letter"],
    ["When full", "a new task is refused"],
    ["Most waiting", "50"],
    ["Keys share", "running time"],
  ])
    expect(screen.getByText(term, { selector: "dt" }).nextElementSibling?.textContent).toBe(text);
});

it("sets a strict order with the limit that it needs, and lists the changes", async () => {
  const { calls } = show(view(), [], ({ method }) => (method === "PUT" ? { body: view() } : undefined));
  const { each, changes, save } = await openForm();
  expect(each.queryByRole("radiogroup", { name: "After a dead letter" })).toBeNull();
  await userEvent.click(each.getByRole("checkbox", { name: "Strict order" }));
  expect(each.getByText("Strict order needs 1.")).toBeTruthy();
  expect(save.disabled).toBe(true);
  await userEvent.type(each.getByLabelText("At one time"), "1");
  await userEvent.click(each.getByRole("radio", { name: "Stop the key" }));
  await userEvent.click(each.getByRole("radio", { name: "Refuse new" }));
  await userEvent.type(each.getByLabelText("Most waiting"), "50");
  await userEvent.click(each.getByRole("radio", { name: "Running time" }));
  expect(changes()).toEqual([
    "Each key, at one time: no limit becomes→ 1",
    "Each key, order: a retry lets others go first becomes→ strict, stops at a dead letter",
    "Each key, when full: a new task waits becomes→ a new task is refused",
    "Each key, most waiting: no limit becomes→ 50",
    "Keys share: starts becomes→ running time",
  ]);
  await userEvent.click(save);
  await screen.findByText("Limits of emails changed");
  expect(body(calls, "PUT", LIMITS)).toEqual({ key: { ...STRICT, whenFull: "drop-new" }, fairBy: "time" });
});

it("keeps the policies that a form does not change, and removes those that it clears", async () => {
  const limits = { key: STRICT, fairBy: "time" } as const;
  const { calls } = show(view({ limits }), [], ({ method }) =>
    method === "PUT" ? { body: view() } : undefined,
  );
  const { each, save, changes } = await openForm();
  expect(changes()).toEqual([]);
  await userEvent.click(each.getByRole("checkbox", { name: "Strict order" }));
  await userEvent.clear(each.getByLabelText("At one time"));
  await userEvent.click(save);
  await screen.findByText("Limits of emails changed");
  // `onDead` works only with a strict order, so it is not sent.
  expect(body(calls, "PUT", LIMITS)).toEqual({ key: { maxWaiting: 50 }, fairBy: "time" });
});

it("refuses a policy of full keys without a number that says when a key is full", async () => {
  show(view({ limits: { key: { concurrency: 2, whenFull: "cancel-running" } } }), []);
  const { each, save } = await openForm();
  await userEvent.clear(each.getByLabelText("At one time"));
  expect(each.getByText("Needed to know when a key is full.")).toBeTruthy();
  expect(save.disabled).toBe(true);
  await userEvent.click(each.getByRole("radio", { name: "Wait" }));
  expect(save.disabled).toBe(false);
  await userEvent.type(each.getByLabelText("Most waiting"), "0");
  expect(each.getByText("A whole number, 1 to 1,000,000.")).toBeTruthy();
  expect(save.disabled).toBe(true);
});

it("does not undo a policy that someone else has set while the form was open", async () => {
  let limits = view({ limits: { key: STRICT } });
  const { calls } = show(limits, [], ({ path, method }) =>
    path === LIMITS && method === "GET" ? { body: limits } : undefined,
  );
  const { each, save, dialog } = await openForm();
  await userEvent.clear(each.getByLabelText("Most waiting"));
  limits = view({ limits: { key: STRICT, fairBy: "time" } });
  await userEvent.click(save);
  await dialog.findByText(/Someone else has changed/);
  expect(body(calls, "PUT", LIMITS)).toBeUndefined();
});

it("shows how a stopped key can continue, and starts it again without a replay", async () => {
  const stopped = keyView("acme", { waiting: 4, blockedBy: "stopped" });
  const { calls } = show(view({ limits: { key: STRICT } }), [stopped], ({ path }) =>
    path === HOLD ? { body: view() } : undefined,
  );
  const link = await screen.findByRole("link", { name: "dead letter" });
  expect(link.getAttribute("href")).toContain("/queues/emails/dead-letters");
  await userEvent.click(screen.getByRole("button", { name: "End hold" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  expect(dialog.getByText(/replay the dead letter instead/)).toBeTruthy();
  await userEvent.click(dialog.getByRole("button", { name: "End the hold" }));
  await screen.findByText("The hold of the key has ended");
  expect(body(calls, "POST", HOLD)).toEqual({ holdMs: 0, key: "acme" });
});

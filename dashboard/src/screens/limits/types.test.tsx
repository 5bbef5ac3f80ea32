import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { body, HOLD, LIMITS, show, view } from "../../testing/limits.tsx";

const MAIL = { type: "mail", running: 5, heldUntil: null, blockedBy: "concurrency", nextAt: null } as const;
const limits = { key: { concurrency: 2 }, types: { mail: { concurrency: 5 } } };
const withMail = () => view({ limits, types: [MAIL] });

const form = async (button: string) => {
  await userEvent.click(await screen.findByRole("button", { name: button }));
  return within(await screen.findByRole("dialog"));
};

const inTable = async () => within(await screen.findByRole("table", { name: "Limits of types" }));

it("shows for each limited type its limit, how many tasks run, and what holds the type back", async () => {
  show(withMail(), []);
  const cells = (await inTable()).getAllByRole("cell");
  expect(cells.slice(0, 4).map(({ textContent }) => textContent)).toEqual([
    "mail",
    "Limit5 at one time",
    "Running5",
    "What holds it back5 of 5 run",
  ]);
});

it("explains limits of types if no type has a limit", async () => {
  show(view(), []);
  await screen.findByText(/applies to all of its tasks together, whatever their keys/);
});

it("limits a type that is named in the form, and keeps all other limits", async () => {
  const { calls } = show(withMail(), [], ({ method, path }) =>
    method === "PUT" && path === LIMITS ? { body: withMail() } : undefined,
  );
  const dialog = await form("Limit a type");
  const save = dialog.getByRole<HTMLButtonElement>("button", { name: "Save" });
  await userEvent.type(dialog.getByLabelText("Type"), "bad name");
  await userEvent.type(dialog.getByLabelText("At one time"), "3");
  expect(dialog.getByText(/at most 128 characters/)).toBeTruthy();
  expect(save.disabled).toBe(true);
  await userEvent.clear(dialog.getByLabelText("Type"));
  await userEvent.type(dialog.getByLabelText("Type"), "report");
  await userEvent.click(save);
  await screen.findByText("The limit of report changed");
  expect(body(calls, "PUT", LIMITS)).toEqual({
    key: { concurrency: 2 },
    types: { mail: { concurrency: 5 }, report: { concurrency: 3 } },
  });
});

it("removes a limit if all fields are empty", async () => {
  const { calls } = show(withMail(), [], ({ method, path }) =>
    method === "PUT" && path === LIMITS ? { body: view() } : undefined,
  );
  await userEvent.click((await inTable()).getByRole("button", { name: /Change/ }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.clear(dialog.getByLabelText("At one time"));
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await screen.findByText("mail has no limit now");
  expect(body(calls, "PUT", LIMITS)).toEqual({ key: { concurrency: 2 }, types: {} });
});

it("holds a type, and ends the hold", async () => {
  const heldUntil = Date.now() + 600_000;
  const { calls } = show(
    view({
      limits,
      types: [MAIL, { type: "report", running: 0, heldUntil, blockedBy: "hold", nextAt: heldUntil }],
    }),
    [],
    ({ method, path }) => (method === "POST" && path === HOLD ? { body: withMail() } : undefined),
  );
  await userEvent.click((await inTable()).getByRole("button", { name: "Hold" }));
  await userEvent.click(
    within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Hold it" }),
  );
  await screen.findByText("The type is held");
  await userEvent.click((await inTable()).getByRole("button", { name: "End hold" }));
  await userEvent.click(
    within(await screen.findByRole("alertdialog")).getByRole("button", { name: "End the hold" }),
  );
  await screen.findByText("The hold of the type has ended");
  const sent = calls.filter(({ method, path }) => method === "POST" && path === HOLD);
  expect(sent.map(({ bodyText }) => JSON.parse(bodyText ?? ""))).toEqual([
    { holdMs: 600_000, type: "mail" },
    { holdMs: 0, type: "report" },
  ]);
});

it("keeps the limits of types when other limits change", async () => {
  const { calls } = show(withMail(), [], ({ method, path }) =>
    method === "PUT" && path === LIMITS ? { body: withMail() } : undefined,
  );
  const dialog = await form("Change limits");
  const [all] = dialog.getAllByLabelText("At one time");
  await userEvent.type(all as HTMLElement, "9");
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await screen.findByText("Limits of emails changed");
  expect(body(calls, "PUT", LIMITS)).toEqual({ ...limits, queue: { concurrency: 9 } });
});

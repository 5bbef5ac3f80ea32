import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { type Call, deadTask, frame, queueStats, renderAt } from "../../testing/render.tsx";

const tasks = [
  deadTask("b", { queue: "emails", type: "email.send", attempts: 2, lastError: "Error: first" }),
  deadTask("a", { queue: "orders", type: "order.pay", attempts: 9, lastError: "Error: second" }),
];

function show(
  address = "/tasks",
  more: (call: Call) => { body: unknown; status?: number } | undefined = () => undefined,
) {
  return renderAt(address, (call) => {
    const other = more(call);
    if (other) return other;
    if (call.path === "/v1/tasks") return { body: { tasks, cursor: null, scanned: 2, total: 2 } };
    const task = tasks.find(({ queue, id }) => call.path === `/v1/queues/${queue}/tasks/${id}`);
    if (task && call.method === "GET") return { body: task };
    if (call.path.endsWith("/dead-letters/replay"))
      return { body: { dryRun: false, matched: 1, replayed: 1, skipped: 0, results: [] } };
    return frame([queueStats({ dead: 1 }), queueStats({ queue: "orders", dead: 1 })])(call);
  });
}

const bar = () => screen.findByRole("combobox", { name: "Query" });
const searches = (calls: Call[]) =>
  calls.filter(({ path }) => path === "/v1/tasks").map(({ query }) => query.query);
const ids = () =>
  screen
    .getAllByRole("link")
    .map((link) => link.textContent)
    .filter((text) => /^[ab]$/.test(text ?? ""));

it("applies a query as it is typed, loses no keystroke, and shows its clauses", async () => {
  const { calls } = show();
  await screen.findByRole("link", { name: "a" });
  await userEvent.type(await bar(), "type:email.* attempts:>1");
  expect(await bar()).toHaveProperty("value", "type:email.* attempts:>1");
  await waitFor(() => expect(searches(calls).at(-1)).toBe("type:email.* attempts:>1"));
  expect(await bar()).toHaveProperty("value", "type:email.* attempts:>1");
  await screen.findByText("2 matches, scanned 2 of 2");
  await userEvent.keyboard("{Escape}");
  expect(await bar()).toHaveProperty("value", "type:email.* attempts:>1");
  await userEvent.click(await screen.findByRole("button", { name: "Remove attempts:>=2" }));
  await waitFor(() => expect(searches(calls).at(-1)).toBe("type:email.*"));
});

it("says what is wrong with a query, and does not search for it", async () => {
  const { calls } = show();
  await screen.findByRole("link", { name: "a" });
  await userEvent.type(await bar(), "tpye:a{Enter}");
  await screen.findByText('unknown field "tpye" at position 0: did you mean "type"?');
  expect(searches(calls)).toEqual([undefined]);
});

it("suggests fields and values, and a click takes them", async () => {
  const { calls } = show();
  await screen.findByRole("link", { name: "a" });
  await userEvent.click(await bar());
  await userEvent.click(await screen.findByRole("option", { name: /^type:/ }));
  expect(await bar()).toHaveProperty("value", "type:");
  await userEvent.click(await screen.findByRole("option", { name: /order\.pay/ }));
  expect(await bar()).toHaveProperty("value", "type:order.pay ");
  await waitFor(() => expect(searches(calls).at(-1)).toBe("type:order.pay"));
});

it("sorts the loaded rows, and adds a column that the reader chooses", async () => {
  show();
  await screen.findByRole("link", { name: "a" });
  expect(ids()).toEqual(["b", "a"]);
  await userEvent.click(screen.getByRole("button", { name: "Columns" }));
  await userEvent.click(await screen.findByRole("menuitemcheckbox", { name: /Attempts/ }));
  await userEvent.keyboard("{Escape}");
  await userEvent.click(await screen.findByRole("button", { name: /Attempts/ }));
  await userEvent.click(await screen.findByRole("button", { name: /Attempts/ }));
  await waitFor(() => expect(ids()).toEqual(["a", "b"]));
  expect(screen.getByRole("columnheader", { name: /Attempts/ }).getAttribute("aria-sort")).toBe("descending");
});

it("shows the task of the row beside the list, moves with j and k, and replays with r", async () => {
  const { calls } = show();
  await screen.findByRole("link", { name: "a" });
  await userEvent.keyboard("jp");
  const panel = await screen.findByRole("complementary", { name: "Task of the row" });
  await within(panel).findByText("Error: first");
  await userEvent.keyboard("j");
  await waitFor(() =>
    expect(screen.getByRole("complementary", { name: "Task of the row" }).textContent).toContain(
      "Error: second",
    ),
  );
  await userEvent.keyboard("r");
  await screen.findByText("1 dead letter replayed");
  const posts = calls.filter(({ method }) => method === "POST");
  expect(posts).toMatchObject([{ path: "/v1/queues/orders/dead-letters/replay", bodyText: '{"ids":["a"]}' }]);
  await userEvent.keyboard("p");
  await waitFor(() => expect(screen.queryByRole("complementary", { name: "Task of the row" })).toBeNull());
});

it("saves the list as a view, renames it, opens it and deletes it", async () => {
  const { calls } = show("/tasks?query=type:email.*");
  await screen.findByRole("link", { name: "a" });
  await userEvent.click(screen.getByRole("button", { name: "Views" }));
  await userEvent.type(await screen.findByLabelText("Save this list as"), "Mails{Enter}");
  await userEvent.click(await screen.findByRole("button", { name: "Rename Mails" }));
  const name = screen.getByLabelText("New name of Mails");
  await userEvent.clear(name);
  await userEvent.type(name, "All mails{Enter}");
  await screen.findByRole("button", { name: "All mails" });
  await userEvent.click(screen.getByRole("button", { name: "Close" }));
  await userEvent.click(screen.getByRole("button", { name: "Clear query" }));
  await waitFor(() => expect(searches(calls).at(-1)).toBeUndefined());
  await userEvent.click(screen.getByRole("button", { name: "Views" }));
  await userEvent.click(await screen.findByRole("button", { name: "All mails" }));
  await waitFor(async () => expect(await bar()).toHaveProperty("value", "type:email.*"));
  await userEvent.click(screen.getByRole("button", { name: "Views" }));
  await userEvent.click(await screen.findByRole("button", { name: "Delete All mails" }));
  await screen.findByText("No views yet.");
});

it("says how much was scanned, and can be stopped", async () => {
  show("/tasks?query=rare", ({ path, query }) =>
    path === "/v1/tasks"
      ? {
          body: {
            tasks: query.cursor === undefined ? tasks : [],
            cursor: "more",
            scanned: 1_000,
            total: 90_000,
          },
        }
      : undefined,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Stop" }));
  await screen.findByText(/2 matches, scanned [\d,]+ of 90,000, stopped/);
  await screen.findByRole("button", { name: "Search on" });
});

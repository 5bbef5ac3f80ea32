import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { type Call, deadTask, frame, queueStats, renderAt } from "../../testing/render.tsx";
import { confirmationPhrase } from "../confirmation.ts";

const LIST = "/v1/queues/emails/tasks";
const ACT = "/v1/queues/emails/dead-letters";

function show(total: number, tasks = [deadTask("a-1"), deadTask("a-2", { failures: 1, crashes: 3 })]) {
  return renderAt("/queues/emails/dead-letters", (call) => {
    if (call.path === LIST) return { body: { tasks, cursor: null, scanned: tasks.length } };
    if (call.bodyText?.includes("dryRun") === true) {
      return { body: { dryRun: true, matched: total, replayed: 0, skipped: 0 } };
    }
    if (call.path === `${ACT}/replay`) {
      return { body: { dryRun: false, matched: 1, replayed: 1, skipped: 0, results: [] } };
    }
    if (call.path === `${ACT}/discard`)
      return { body: { dryRun: false, matched: 1, discarded: 1, skipped: 0 } };
    return frame([queueStats({ dead: total })])(call);
  });
}

const posts = (calls: Call[]) =>
  calls.filter(({ method, bodyText }) => method === "POST" && bodyText?.includes("dryRun") !== true);

describe("dead letters", () => {
  it("replays one dead letter at once and says so", async () => {
    const { calls } = show(2);
    const [first] = await screen.findAllByRole("button", { name: "Replay" });
    await userEvent.click(first as HTMLElement);
    await screen.findByText("1 dead letter replayed");
    expect(posts(calls)).toEqual([
      { method: "POST", path: `${ACT}/replay`, query: {}, bodyText: '{"ids":["a-1"]}' },
    ]);
  });

  it("shows failures and crashes separately", async () => {
    show(2);
    expect(await screen.findByText("4 failed")).toBeTruthy();
    expect(screen.getByText(/3 crashed/)).toBeTruthy();
  });

  it("replays more than 100 dead letters only after their number was typed", async () => {
    const { calls } = show(2_013);
    const button = await screen.findByRole("button", { name: "Replay all" });
    await waitFor(() => expect(button).toHaveProperty("disabled", false));
    await userEvent.click(button);
    const dialog = await screen.findByRole("alertdialog");
    const confirm = () => within(dialog).getByRole("button", { name: "Replay" });
    await waitFor(() => expect(dialog.textContent).toContain("Replay 2,013 dead letters"));
    expect(confirm()).toHaveProperty("disabled", true);
    await userEvent.type(screen.getByLabelText("Confirmation"), "replay 201");
    expect(confirm()).toHaveProperty("disabled", true);
    await userEvent.type(screen.getByLabelText("Confirmation"), "{Enter}");
    expect(posts(calls)).toEqual([]);
    await userEvent.type(screen.getByLabelText("Confirmation"), "3");
    await userEvent.click(confirm());
    await waitFor(() => expect(posts(calls)).toHaveLength(1));
    expect(posts(calls)[0]?.bodyText).toBe('{"all":true}');
    await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
  });

  it("replays tasks whose unique keys other tasks hold only if the user chooses that", async () => {
    const { calls } = show(2);
    const button = await screen.findByRole("button", { name: "Replay all" });
    await waitFor(() => expect(button).toHaveProperty("disabled", false));
    await userEvent.click(button);
    const dialog = await screen.findByRole("alertdialog");
    await within(dialog).findByText("Replay 2 dead letters");
    await userEvent.click(within(dialog).getByText("Also tasks whose unique key another task holds"));
    await userEvent.click(within(dialog).getByRole("button", { name: "Replay" }));
    await waitFor(() => expect(posts(calls)).toHaveLength(1));
    expect(posts(calls)[0]?.bodyText).toBe('{"all":true,"force":true}');
  });

  it("keeps the dialog open and shows cause and remedy when the service refuses", async () => {
    renderAt("/queues/emails/dead-letters", (call) => {
      if (call.path === LIST) return { body: { tasks: [deadTask("a-1")], cursor: null, scanned: 1 } };
      if (call.method === "POST") {
        return { status: 503, body: { code: "redis_unavailable", detail: "Redis does not answer" } };
      }
      return frame([queueStats({ dead: 1 })])(call);
    });
    await userEvent.click(await screen.findByRole("button", { name: "Discard" }));
    const dialog = await screen.findByRole("alertdialog");
    await userEvent.click(within(dialog).getByRole("button", { name: "Discard" }));
    const alert = await screen.findByText(/Redis does not answer/);
    expect(alert.textContent).toContain("Check that Redis runs");
    expect(screen.getByRole("alertdialog")).toBeTruthy();
  });

  it("says that nothing was replayed if the task is no longer a dead letter", async () => {
    renderAt("/queues/emails/dead-letters", (call) => {
      if (call.path === LIST) return { body: { tasks: [deadTask("a-1")], cursor: null, scanned: 1 } };
      if (call.method === "POST")
        return { body: { dryRun: false, matched: 1, replayed: 0, skipped: 1, results: [] } };
      return frame([queueStats({ dead: 1 })])(call);
    });
    await userEvent.click(await screen.findByRole("button", { name: "Replay" }));
    await screen.findByText("Nothing was replayed");
    expect(screen.getByText(/no longer a dead letter/)).toBeTruthy();
    expect(screen.queryByText(/0 dead letters/)).toBeNull();
  });

  it("uses the same query for the list, the count and the replay", async () => {
    const { calls } = renderAt("/queues/emails/dead-letters?query=tag:tenant:acme", (call) => {
      if (call.path === LIST)
        return { body: { tasks: [deadTask("a-1")], cursor: null, scanned: 9, total: 9 } };
      if (call.bodyText?.includes("dryRun"))
        return { body: { dryRun: true, matched: 1, replayed: 0, skipped: 0 } };
      if (call.path === `${ACT}/replay`)
        return { body: { dryRun: false, matched: 1, replayed: 1, skipped: 0, results: [] } };
      return frame([queueStats({ dead: 9 })])(call);
    });
    const all = await screen.findByRole("button", { name: "Replay all that match" });
    await waitFor(() => expect(all).toHaveProperty("disabled", false));
    expect(calls.find(({ path }) => path === LIST)?.query.query).toBe("tag:tenant:acme");
    await userEvent.click(all);
    const dialog = await screen.findByRole("alertdialog");
    await within(dialog).findByText("Replay 1 dead letter");
    await userEvent.click(within(dialog).getByRole("button", { name: "Replay" }));
    await waitFor(() => expect(posts(calls)).toHaveLength(1));
    expect(posts(calls)[0]?.bodyText).toBe('{"query":"tag:tenant:acme"}');
  });

  it("shows no list if the address has an unknown filter", async () => {
    const { calls: asked } = renderAt(
      "/queues/emails/dead-letters?tags=tenant:acme",
      frame([queueStats({ dead: 2 })]),
    );
    await screen.findByRole("heading", { name: /filter in the address is not valid/ });
    expect(screen.getByText("tags=tenant:acme")).toBeTruthy();
    expect(screen.queryByRole("button", { name: /Replay/ })).toBeNull();
    expect(asked.filter(({ path }) => path === LIST)).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: "Remove it and show the list" }));
    await screen.findByRole("button", { name: "Replay all" });
  });

  it("shows hostile ids, types and errors as text", async () => {
    const hostile = '<img src=x onerror="document.title=1">';
    show(1, [deadTask("a-1", { lastError: hostile, type: "x</script><script>document.title=1</script>" })]);
    await screen.findByText(hostile);
    expect(document.querySelector("img, script")).toBeNull();
  });

  it("says that no dead letters match only if a filter is set, and clears the filter", async () => {
    const { calls } = renderAt("/queues/emails/dead-letters?query=zzz", (call) => {
      if (call.path === LIST) {
        const tasks = call.query.query === undefined ? [deadTask("a-1")] : [];
        return { body: { tasks, cursor: null, scanned: 7 } };
      }
      return frame([queueStats({ dead: 1 })])(call);
    });
    await screen.findByRole("heading", { name: "No dead letters match" });
    expect(calls.find(({ path }) => path === LIST)?.query.query).toBe("zzz");
    await userEvent.click(screen.getAllByRole("button", { name: "Clear filters" })[0] as HTMLElement);
    expect(await screen.findByRole("link", { name: "a-1" })).toBeTruthy();
  });
});

it("asks for the number of tasks above 100, for every action", () => {
  for (const verb of ["replay", "discard", "cancel", "burst"] as const) {
    expect(confirmationPhrase(verb, 1)).toBeNull();
    expect(confirmationPhrase(verb, 100)).toBeNull();
    expect(confirmationPhrase(verb, 101)).toBe(`${verb} 101`);
  }
});

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { clockTime } from "../../format/time.ts";
import { body, HOLD, KEYS, keyView, LIMITS, show, view } from "../../testing/limits.tsx";

const HEBREW = "\u05dc\u05e7\u05d5\u05d7/42 \u{1f600}";

it("says for each key what holds it back", async () => {
  const until = Date.now() + 60_000;
  const rate = { limit: 1, periodMs: 60_000 };
  show(view({ limits: { key: { concurrency: 3, rate } } }), [
    keyView("full", { running: 3, blockedBy: "concurrency" }),
    keyView("own", { running: 8, blockedBy: "concurrency", limit: { concurrency: 8 } }),
    keyView("fast", { blockedBy: "rate", nextAt: Date.now() + 55_000 }),
    keyView("held", { blockedBy: "hold", heldUntil: until, nextAt: until }),
    keyView("dead", { blockedBy: "stopped" }),
    keyView("free"),
  ]);
  const row = async (key: string) => (await screen.findByText(key)).closest("[role=row]")?.textContent;
  expect(await row("full")).toContain("3 of 3 run");
  expect(await row("own")).toContain("8 of 8 run");
  expect(await row("own")).toContain("8 at one time");
  expect(await row("fast")).toMatch(/rate used up, next in \d\d s/);
  expect(await row("held")).toContain(`held until ${clockTime(until)}`);
  expect(await row("dead")).toContain("stopped at a dead letter");
  expect(await row("free")).toContain("nothing");
});

it("shows which limits a form changes, keeps the others, and saves all of them", async () => {
  const limits = { queue: { concurrency: 100 }, key: { concurrency: 3, weight: 2 } };
  const { calls } = show(view({ limits }), [], ({ method }) =>
    method === "PUT" ? { body: view() } : undefined,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Change limits" }));
  const dialog = within(await screen.findByRole("dialog"));
  const save = dialog.getByRole<HTMLButtonElement>("button", { name: "Save" });
  expect(save.disabled).toBe(true);
  const [all, each] = dialog.getAllByLabelText("At one time") as [HTMLElement, HTMLElement];
  await userEvent.clear(all);
  await userEvent.clear(each);
  await userEvent.type(each, "0");
  expect(dialog.getByText("A whole number, 1 to 1,000,000.")).toBeTruthy();
  expect(save.disabled).toBe(true);
  await userEvent.clear(each);
  await userEvent.type(each, "5");
  const changes = dialog.getByRole("region", { name: "What changes" });
  expect(
    within(changes)
      .getAllByRole("listitem")
      .map(({ textContent }) => textContent),
  ).toEqual(["All tasks, at one time: 100 becomes→ no limit", "Each key, at one time: 3 becomes→ 5"]);
  await userEvent.click(save);
  await screen.findByText("Limits of emails changed");
  expect(body(calls, "PUT", LIMITS)).toEqual({ key: { concurrency: 5, weight: 2 } });
});

it("shows the heaviest keys in the chosen order, and says how many were read", async () => {
  const { calls } = show(view(), [], ({ path }) =>
    path === "/v1/queues/emails/heaviest-keys"
      ? { body: { keys: [keyView("idle", { waiting: 0 })], lookedAt: 5_001, isWhole: false } }
      : undefined,
  );
  await userEvent.click(await screen.findByRole("radio", { name: "Most running" }));
  await screen.findByText("idle");
  expect(screen.getByText(/1 of 5,001 keys .*there may be more keys/)).toBeTruthy();
  expect(calls.findLast(({ path }) => path.endsWith("heaviest-keys"))?.query).toMatchObject({
    by: "running",
  });
});

it("tries limits before they are saved, and drops the report when they change", async () => {
  const run = (p95Ms: number) => ({
    wait: { p50Ms: 10, p95Ms },
    ...{ largestBacklog: 7, backlogAtEnd: 1, peakRunning: 3, slotsNeeded: 4 },
  });
  const { calls } = show(view(), [], ({ path }) =>
    path === `${LIMITS}/try`
      ? {
          body: {
            ...{ queue: "emails", limits: {}, limitsToday: {}, completed: 1_234, waiting: 2, isCut: false },
            ...{ firstAt: 0, lastAt: 60_000, slots: 9, slotsToKeepUp: 5, recorded: run(50).wait },
            ...{ today: run(60), tried: run(2_500) },
          },
        }
      : undefined,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Change limits" }));
  const dialog = within(await screen.findByRole("dialog"));
  const [, each] = dialog.getAllByLabelText("At one time") as [HTMLElement, HTMLElement];
  await userEvent.type(each, "2");
  await userEvent.click(dialog.getByRole("button", { name: "Try" }));
  const row = await dialog.findByRole("row", { name: /95th percentile/ });
  expect(row.textContent).toContain("2.5 s");
  expect(dialog.getByText(/1,234 completed and 2 waiting tasks of/)).toBeTruthy();
  expect(body(calls, "POST", `${LIMITS}/try`)).toEqual({ limits: { key: { concurrency: 2 } } });
  expect(body(calls, "PUT", LIMITS)).toBeUndefined();
  await userEvent.type(each, "0");
  expect(dialog.queryByRole("table")).toBeNull();
});

it("does not undo limits that someone else has set while the form was open", async () => {
  let limits = view({ limits: { key: { concurrency: 3 } } });
  const { calls } = show(limits, [], ({ path, method }) =>
    path === LIMITS && method === "GET" ? { body: limits } : undefined,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Change limits" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.type(dialog.getAllByLabelText("At one time")[0] as HTMLElement, "7");
  limits = view({ limits: { key: { concurrency: 1 } } });
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await dialog.findByText(/Someone else has changed/);
  expect(body(calls, "PUT", LIMITS)).toBeUndefined();
});

it("finds a key with unusual characters by its address, and holds it with a reason", async () => {
  const path = `${KEYS}/${encodeURIComponent(HEBREW)}`;
  const { calls } = show(
    view(),
    [],
    (call) => {
      if (call.path === path) return { body: keyView(HEBREW, { waiting: 0 }) };
      return call.path === HOLD ? { body: view() } : undefined;
    },
    `?key=${encodeURIComponent(HEBREW)}`,
  );
  await screen.findByText(/No task with this key waits or runs/);
  expect(screen.getByRole<HTMLInputElement>("searchbox").value).toBe(HEBREW);
  await userEvent.click(screen.getByRole("button", { name: "Hold" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  await userEvent.clear(dialog.getByLabelText("For how long"));
  await userEvent.type(dialog.getByLabelText("For how long"), "30");
  await userEvent.selectOptions(dialog.getByRole("combobox"), "seconds");
  await userEvent.type(dialog.getByLabelText("Reason"), "their API is down");
  await userEvent.click(dialog.getByRole("button", { name: "Hold it" }));
  await screen.findByText("The key is held");
  expect(body(calls, "POST", HOLD)).toEqual({ holdMs: 30_000, key: HEBREW, reason: "their API is down" });
});

it("ends the hold of a queue", async () => {
  const heldUntil = Date.now() + 60_000;
  const held = view({ heldUntil, blockedBy: "hold", nextAt: heldUntil });
  const { calls } = show(held, [], ({ path }) => (path === HOLD ? { body: view() } : undefined));
  await userEvent.click(await screen.findByRole("button", { name: "End queue hold" }));
  await userEvent.click(await screen.findByRole("button", { name: "End the hold" }));
  await screen.findByText("The hold of the queue has ended");
  expect(body(calls, "POST", HOLD)).toEqual({ holdMs: 0 });
});

it("gives a key a limit of its own with an end, and removes it", async () => {
  let row = keyView("acme");
  const put = `${KEYS}/acme/limit`;
  const { calls } = show(view({ limits: { key: { concurrency: 3 } } }), [], (call) => {
    if (call.path === KEYS) return { body: { queue: "emails", keys: [row], cursor: null } };
    return call.path === put ? { body: row } : undefined;
  });
  await userEvent.click(await screen.findByRole("button", { name: "Own limit" }));
  const dialog = within(await screen.findByRole("dialog"));
  // The form starts with the current limit.
  const concurrency = dialog.getByLabelText<HTMLInputElement>("At one time");
  expect(concurrency.value).toBe("3");
  await userEvent.clear(concurrency);
  await userEvent.type(concurrency, "8");
  await userEvent.type(dialog.getByLabelText("Ends after"), "2");
  expect(dialog.getByText("in 2 hours")).toBeTruthy();
  row = keyView("acme", { limit: { concurrency: 8 }, limitUntil: Date.now() + 7_200_000 });
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await userEvent.click(await screen.findByRole("button", { name: "Take limit away" }));
  expect(body(calls, "PUT", put)).toEqual({ concurrency: 8, forMs: 7_200_000 });
  await userEvent.click(await screen.findByRole("button", { name: "Take it away" }));
  await screen.findByText("The limit of the key is gone");
  expect(body(calls, "PUT", put)).toBeNull();
});

it("keeps a dialog open when the last waiting task of its key has started", async () => {
  let keys = [keyView("acme")];
  const { calls } = show(view(), [], ({ path }) => {
    if (path === KEYS) return { body: { queue: "emails", keys, cursor: null } };
    return path === HOLD ? { body: view() } : undefined;
  });
  await userEvent.click(await screen.findByRole("button", { name: "Hold" }));
  keys = [];
  await screen.findByText("No keys with waiting tasks");
  await userEvent.click(await screen.findByRole("button", { name: "Hold it" }));
  await screen.findByText("The key is held");
  expect(body(calls, "POST", HOLD)).toEqual({ holdMs: 600_000, key: "acme" });
});

it("asks for the next page of keys with the cursor of the last one", async () => {
  const { calls } = show(view(), [], ({ path, query }) => {
    if (path !== KEYS) return undefined;
    return query.cursor === undefined
      ? { body: { queue: "emails", keys: [keyView("a")], cursor: "a" } }
      : { body: { queue: "emails", keys: [keyView("b")], cursor: null } };
  });
  await userEvent.click(await screen.findByRole("button", { name: "Load more" }));
  await screen.findByText("2 keys with waiting tasks loaded");
  expect(calls.some(({ path, query }) => path === KEYS && query.cursor === "a")).toBe(true);
});

it("explains keys if there are none, and refuses a text that is not a valid key", async () => {
  const { calls } = show(view(), []);
  await screen.findByText("No keys with waiting tasks");
  expect(screen.getByText(/A task may have a key/)).toBeTruthy();
  await userEvent.type(screen.getByRole("searchbox"), "\u{1f600}".repeat(33));
  await userEvent.click(screen.getByRole("button", { name: "Find key" }));
  await screen.findByText("A key is text of at most 128 bytes.");
  expect(calls.filter(({ path }) => path.startsWith(`${KEYS}/`))).toEqual([]);
});

it("says that a key cannot be part of an address, and sends no request for another path", async () => {
  const { calls } = show(view(), [], undefined, "?key=..");
  await screen.findByText(/The key .. cannot be part of an address/);
  expect(calls.some(({ path }) => path === "/v1/queues/emails/")).toBe(false);
});

it("disables what a viewer may not do, and reads the limits again while it is open", async () => {
  const session = {
    ...{ authenticated: true, keysRequired: true, readOnly: false, label: "viv", role: "viewer" },
    ...{ scopes: ["read"], queues: null, expiresAt: null, idleExpiresAt: null, environment: null },
    ...{ demoLoad: false, traceUrl: null, redis: null },
  };
  const { calls } = show(view(), [keyView("acme")], ({ path }) =>
    path === "/v1/session" ? { body: session } : undefined,
  );
  await screen.findByText("acme");
  for (const name of ["Hold queue", "Change limits", "Hold", "Own limit"])
    expect(screen.getByRole("button", { name }).getAttribute("aria-disabled")).toBe("true");
  await waitFor(() => expect(calls.filter(({ path }) => path === KEYS).length).toBeGreaterThan(1), {
    timeout: 10_000,
  });
});

it("if the limits cannot be read, shows the cause and what to do", async () => {
  show(view(), [], ({ path }) =>
    path === LIMITS ? { status: 503, body: { code: "redis_unavailable", detail: "no Redis" } } : undefined,
  );
  await screen.findByText("no Redis");
  expect(screen.getByText(/Check that Redis runs/)).toBeTruthy();
});

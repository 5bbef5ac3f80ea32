import type { QueueEvent } from "@holdfast/contracts";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { type Call, frame, queueStats, renderAt } from "../../testing/render.tsx";

const EVENTS = "/v1/queues/emails/events";

const event = (type: string, cursor: string, part: object = {}): QueueEvent =>
  ({ type, queue: "emails", id: `task-${cursor}`, at: Date.now(), cursor, ...part }) as QueueEvent;

const sent = (events: readonly QueueEvent[]): string =>
  events.map((one) => `event: ${one.type}\nid: ${one.cursor}\ndata: ${JSON.stringify(one)}\n\n`).join("");

/** Renders the tab. `answer` returns what the stream sends for each request. */
function show(answer: (call: Call, place: number) => string | { status: number; body: object }, search = "") {
  const stats = queueStats();
  const settings = { ...stats.settings, maxEvents: 1_000 };
  const asked: Call[] = [];
  const { calls } = renderAt(`/queues/emails/events${search}`, (call) => {
    if (call.path !== EVENTS) return frame([{ ...stats, settings }])(call);
    asked.push(call);
    const given = answer(call, asked.length);
    return typeof given === "string" ? { events: given } : given;
  });
  return { calls, asked };
}

const rows = () => screen.getAllByRole("row").slice(1);

it("lists events, newest first, with the worker, the reason or the result, and names gaps", async () => {
  const { asked } = show(
    () =>
      `: events\nid: 0\n\n${sent([
        event("enqueued", "1"),
        event("started", "2", { workerId: "worker-9" }),
        event("completed", "3", { resultText: '{"sent":true}' }),
        event("dead", "4", { reason: "fatal" }),
        { type: "gap", queue: "emails", cursor: "5", missed: 1_234 },
        { type: "gap", queue: "emails", cursor: "6", missed: null },
      ])}`,
  );
  await screen.findByText("task-1");
  expect(rows().map(({ textContent }) => textContent)).toEqual([
    "Events are missing here; their number is not known",
    "1,234 events are missing here",
    expect.stringMatching(/Dead.*task-4.*Fatal error$/),
    expect.stringMatching(/Completed.*task-3.*\{"sent":true\}$/),
    expect.stringMatching(/Started.*task-2.*worker-9$/),
    expect.stringMatching(/Enqueued.*task-1$/),
  ]);
  expect(screen.getByText("task-3").getAttribute("href")).toBe("/queues/emails/tasks/task-3");
  expect(screen.getByText("Live")).toBeTruthy();
  expect(asked.map(({ query }) => query)).toEqual([{}]);
});

it("filters by kind, and begins with the oldest kept events if the user chooses that", async () => {
  const { asked } = show(
    ({ query }) => `: events\nid: 0\n\n${sent([event(query.types ?? "enqueued", "1")])}`,
  );
  await screen.findByText("task-1");
  await userEvent.selectOptions(screen.getByLabelText("Kind of event"), "cancelled");
  await waitFor(() => expect(rows()[0]?.textContent).toContain("Cancelled"));
  await userEvent.click(screen.getByRole("radio", { name: "From the oldest kept" }));
  await waitFor(() =>
    expect(asked.map(({ query }) => query)).toEqual([
      {},
      { types: "cancelled" },
      { types: "cancelled", after: "0" },
    ]),
  );
});

it("stops reading while it is paused, and continues from the same place", async () => {
  const { asked } = show((_, place) =>
    place === 1
      ? `: events\nid: 5\n\n${sent([event("enqueued", "6")])}`
      : `: events\nid: 6\n\n${sent([event("enqueued", "9")])}`,
  );
  await screen.findByText("task-6");
  await userEvent.click(screen.getByRole("button", { name: "Hold updates" }));
  const panel = within(screen.getByRole("region", { name: "Events" }));
  await panel.findByText("Updates are held");
  await userEvent.click(panel.getByRole("button", { name: "Resume updates" }));
  await screen.findByText("task-9");
  expect(screen.getByText("task-6")).toBeTruthy();
  expect(asked.map(({ query }) => query)).toEqual([{}, { after: "6" }]);
});

it("connects again from the place where the stream broke off, even before its first event", async () => {
  const { asked } = show((_, place) =>
    place === 1
      ? `: events\nid: 5\n\nevent: error\ndata: {"type":"error","code":"redis_unavailable","detail":"gone"}\n\n`
      : `: events\nid: 5\n\n${sent([event("enqueued", "6")])}`,
  );
  await screen.findByText("task-6");
  expect(asked.map(({ query }) => query)).toEqual([{}, { after: "5" }]);
});

it("says why the stream was refused, and does not try again if the answer would be the same", async () => {
  const { asked } = show(() => ({ status: 403, body: { code: "forbidden", detail: "not your queue" } }));
  await screen.findByText("not your queue");
  expect(screen.getByText("Ended")).toBeTruthy();
  expect(asked.length).toBe(1);
});

it("says how to switch events on, and lets the user do it in the settings", async () => {
  const { calls } = renderAt("/queues/emails/events", (call) =>
    call.method === "PATCH" ? { body: queueStats().settings } : frame([queueStats()])(call),
  );
  await screen.findByText("This queue keeps no events");
  expect(screen.getByText("holdfast queue configure emails --max-events 100000")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Keep events" }));
  const dialog = within(await screen.findByRole("dialog"));
  const field = dialog.getByLabelText("Events kept for readers");
  await userEvent.clear(field);
  await userEvent.type(field, "5000");
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await screen.findByText("Settings of emails changed");
  const saved = calls.find(({ method }) => method === "PATCH");
  expect([saved?.path, JSON.parse(saved?.bodyText ?? "")]).toEqual([
    "/v1/queues/emails",
    { maxEvents: 5_000 },
  ]);
  expect(calls.some(({ path }) => path === EVENTS)).toBe(false);
});

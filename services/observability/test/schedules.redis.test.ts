import { until } from "@holdfast/testing";
import { Janitor } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, startRunning } from "./running.ts";

let running: Running;
beforeAll(async () => {
  running = await startRunning();
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => running?.stop());

const call: Running["call"] = (...args) => running.call(...args);
const deep = "[".repeat(5_000) + "]".repeat(5_000);
const hourly = { queue: "reports", cron: "0 * * * *", timeZone: "Europe/Berlin", type: "report" };

test("an interval with a start, an end and a limit is stored, and a wrong one is refused with its field", async () => {
  const body = {
    queue: "intervals",
    cron: "@every 10m",
    type: "report",
    startAt: 4e12,
    endAt: 4.1e12,
    limit: 3,
  };
  const made = await call("PUT", "/v1/schedules/some", body);
  expect(made.status).toBe(201);
  expect(made.json()).toMatchObject({
    startAt: 4e12,
    endAt: 4.1e12,
    limit: 3,
    count: 0,
    nextAt: 4e12 + 200_000,
  });
  expect(made.json().nextRuns).toHaveLength(3);
  for (const change of [{ endAt: 1 }, { limit: 0 }, { immediately: true }, { cron: "@every 5" }]) {
    const { status, json } = await call("PUT", "/v1/schedules/some", { ...body, ...change });
    expect([change, status]).toEqual([change, 422]);
    expect(json().detail ?? json().title).toEqual(expect.any(String));
  }
  await call("DELETE", "/v1/schedules/some");
});

test("a schedule is written, read, listed, paused, resumed, run and deleted, and every change is recorded", async () => {
  const payloadText = '{"n":12345678901234567890}';
  const made = await call("PUT", "/v1/schedules/hourly", { ...hourly, payloadText });
  expect(made.status).toBe(201);
  expect(made.headers.get("location")).toBe("/v1/schedules/hourly");
  expect(made.json()).toMatchObject({
    ...{ id: "hourly", payloadText, missed: "once", overlap: "allow", paused: false, lastRun: null },
    words: "Every hour",
  });
  const again = await call("PUT", "/v1/schedules/hourly", { ...hourly, payloadText, overlap: "skip" });
  expect(again).toMatchObject({ status: 200 });
  expect(again.json().nextAt).toBe(made.json().nextAt);
  expect((await call("GET", "/v1/schedules/hourly")).json()).toEqual(again.json());
  const listed = (await call("GET", "/v1/schedules?queue=reports")).json();
  expect(listed.schedules).toEqual([again.json()]);
  expect((await call("GET", "/v1/schedules?queue=other")).json()).toEqual({ schedules: [] });

  const paused = await call("POST", "/v1/schedules/hourly/pause", { reason: "audit of the year" });
  expect(paused.json()).toMatchObject({ paused: true, nextAt: null });
  expect((await call("POST", "/v1/schedules/hourly/resume")).json()).toMatchObject({ paused: false });

  const run = await call("POST", "/v1/schedules/hourly/run");
  expect(run.status).toBe(201);
  const task = await call("GET", run.headers.get("location") ?? "");
  expect(task.json()).toMatchObject({ type: "report", payloadText, state: "pending" });
  expect((await call("GET", "/v1/schedules/hourly")).json().lastRun).toMatchObject({
    ...{ taskId: run.json().taskId, outcome: "enqueued", manual: true, state: "pending" },
  });
  const refused = await call("POST", "/v1/schedules/hourly/run");
  expect([refused.status, refused.json().code]).toEqual([409, "conflict"]);

  expect((await call("DELETE", "/v1/schedules/hourly")).status).toBe(204);
  expect((await call("GET", "/v1/schedules/hourly")).status).toBe(404);
  expect((await call("DELETE", "/v1/schedules/hourly")).status).toBe(404);
  const { records } = (await call("GET", "/v1/audit?queue=reports&limit=20")).json() as {
    records: { action: string; outcome: string; reason: string | null }[];
  };
  expect(records.map(({ action, outcome }) => `${action} ${outcome}`).reverse()).toEqual([
    "schedule.put succeeded",
    "schedule.put succeeded",
    "schedule.pause succeeded",
    "schedule.resume succeeded",
    "schedule.run succeeded",
    "schedule.run refused",
    "schedule.delete succeeded",
  ]);
  expect(records.find(({ action }) => action === "schedule.pause")?.reason).toBe("audit of the year");
});

test("an error in a schedule names its field", async () => {
  for (const [field, body] of [
    ["timeZone", { cron: "0 3 * * *", timeZone: "Mars/Phobos" }],
    ["cron", { cron: "0 3 31 2 *", timeZone: "Europe/Berlin" }],
  ] as const) {
    const written = { queue: "scheduled", type: "t", payloadText: "1", ...body };
    for (const answer of [
      await call("POST", "/v1/schedules/preview", body),
      await call("PUT", "/v1/schedules/wrong", written),
    ])
      expect([field, answer.status, answer.json()]).toMatchObject([
        ...[field, 422],
        { code: "invalid_argument", errors: [{ path: `/${field}`, in: "body" }] },
      ]);
  }
});

test("a preview shows the words and the next five times, and changes nothing", async () => {
  const { status, json } = await call("POST", "/v1/schedules/preview", {
    cron: "30 2 * * 1-5",
    timeZone: "Europe/Berlin",
  });
  expect(status).toBe(200);
  const { words, nextRuns } = json() as { words: string; nextRuns: number[] };
  expect(words).toBe("At 02:30, Monday through Friday");
  expect(nextRuns).toHaveLength(5);
  expect(nextRuns[0]).toBeGreaterThan(Date.now());
});

test.each<[string, string, object, number, string, string]>([
  ["PUT", "/v1/schedules/x", { ...hourly, cron: "61 * * * *" }, 422, "invalid_argument", "minute: 61"],
  ["PUT", "/v1/schedules/x", { ...hourly, cron: "often" }, 422, "invalid_argument", "five fields"],
  [
    "PUT",
    "/v1/schedules/x",
    { ...hourly, timeZone: "Mars/Base" },
    422,
    "invalid_argument",
    "not a time zone",
  ],
  ["PUT", "/v1/schedules/x", { ...hourly, payloadText: "{" }, 422, "invalid_argument", "not valid JSON"],
  ["PUT", "/v1/schedules/x", { ...hourly, payloadText: deep }, 422, "payload_too_deep", "64 levels"],
  ["PUT", "/v1/schedules/x", { ...hourly, missed: "never" }, 422, "invalid_argument", "missed"],
  ["PUT", "/v1/schedules/x", { ...hourly, extra: 1 }, 422, "invalid_argument", "extra"],
  ["PUT", "/v1/schedules/a:b", hourly, 422, "invalid_argument", "is not a valid schedule id"],
  ["POST", "/v1/schedules/preview", { cron: "* * * *" }, 422, "invalid_argument", "five fields"],
  ["POST", "/v1/schedules/none/run", {}, 404, "not_found", "none"],
  ["POST", "/v1/schedules/none/pause", {}, 404, "not_found", "none"],
])("%s %s with %j is answered %i", async (method, path, body, status, code, text) => {
  const answer = await call(method, path, body);
  expect([answer.status, answer.json().code]).toEqual([status, code]);
  expect(answer.text).toContain(text);
});

test("a janitor runs a schedule, which then shows the state of its task", async () => {
  await call("PUT", "/v1/schedules/often", { ...hourly, queue: "often", cron: "* * * * * *" });
  const janitor = new Janitor({ redis: running.redis.url });
  await janitor.start();
  try {
    await until("the schedule has run", async () => {
      const { lastRun } = (await call("GET", "/v1/schedules/often")).json() as { lastRun: object | null };
      return lastRun !== null;
    });
  } finally {
    await janitor.stop();
  }
  const { lastRun } = (await call("GET", "/v1/schedules/often")).json();
  expect(lastRun).toMatchObject({ outcome: "enqueued", manual: false, state: "pending" });
  expect((lastRun as { taskId: string }).taskId).toMatch(/^often:\d{13}$/);
});

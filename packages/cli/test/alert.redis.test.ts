import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
let folder: string;
const { cli, withInput, json } = cliFor(() => redis.url);
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  folder = await mkdtemp(join(tmpdir(), "holdfast-alert-"));
});
afterAll(async () => {
  await client?.close();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("targets and rules are written, listed and deleted, and no output has a URL or a secret", async () => {
  const file = join(folder, "ops");
  await writeFile(file, `https://hooks.example.com/path-secret\n${SECRET}\n`);
  const put = await cli("alert", "target", "put", "ops", file);
  expect([put.code, put.stdout]).toEqual([0, expect.stringContaining("hooks.example.com")]);
  const slack = await withInput(
    "https://hooks.slack.com/path-secret\n",
    "alert",
    "target",
    "put",
    "team",
    "-",
    "--kind",
    "slack",
  );
  expect(slack.code).toBe(0);
  expect((await client.alerts.read()).targets).toMatchObject([
    { name: "ops", kind: "webhook", secrets: [SECRET] },
    { name: "team", kind: "slack", url: "https://hooks.slack.com/path-secret", secrets: [] },
  ]);
  const rule = await json<object>(
    ...["alert", "put", "failures", "--when", "failure_ratio", "--above", "0.25", "--window", "1m"],
    ...["--queues", "mail.*", "--for", "5m", "--target", "ops", "--target", "team"],
  );
  expect(rule).toMatchObject({
    ...{ name: "failures", queues: "mail.*", forMs: 300_000, repeatMs: 0, resolved: true, state: "ok" },
    when: { kind: "failure_ratio", above: 0.25, windowMs: 60_000, minTasks: 20 },
    targets: ["ops", "team"],
  });
  const old = await json<object>(
    ...["alert", "put", "old", "--when", "oldest_pending", "--above", "5m"],
    ...["--no-resolved", "--repeat", "1h", "--keep-firing-for", "10m"],
  );
  expect(old).toMatchObject({
    ...{ queues: "*", forMs: 60_000, keepFiringForMs: 600_000, repeatMs: 3_600_000 },
    ...{ resolved: false, targets: [] },
  });
  const listed = await cli("alert", "ls");
  expect(listed.code).toBe(0);
  expect(listed.stdout).toContain("the oldest pending task waits for more than 5 min");
  const targets = await cli("alert", "target", "ls");
  for (const { stdout, stderr } of [put, slack, listed, targets]) {
    expect(stdout + stderr).not.toContain("path-secret");
    expect(stdout + stderr).not.toContain(SECRET);
  }
  expect((await cli("alert", "target", "rm", "team")).code).toBe(4);
  expect((await cli("alert", "rm", "old")).code).toBe(0);
  expect((await cli("alert", "rm", "old")).code).toBe(3);
});

test("an alert that fires is shown, and makes ls exit with 1 unless its rule is muted", async () => {
  await client.alerts.turn("me", 60_000);
  const state = { "mail.eu": { since: 1_000, firedAt: 2_000, toldAt: null } };
  await client.alerts.write("me", { state: { rule: "failures", state } });
  const fires = await cli("alert", "ls");
  expect([fires.code, fires.stdout]).toEqual([1, expect.stringContaining("firing")]);
  const muted = await json<{ mute: object }>("alert", "mute", "failures", "--for", "2h", "--reason", "known");
  expect(muted.mute).toMatchObject({ reason: "known", until: expect.any(Number) });
  const quiet = await cli("alert", "ls");
  expect([quiet.code, quiet.stdout]).toEqual([0, expect.stringContaining("firing, muted")]);
  expect(await json("alert", "unmute", "failures")).toMatchObject({ mute: null });
});

test("`alert test` waits for the outcome, shows the answer, and fails if the message did not arrive", async () => {
  const answers = (outcome: "delivered" | "failed", answer: string) =>
    until("the test is sent", async () => {
      const { waiting } = await client.alerts.read();
      const ended = waiting.map((one) => ({
        ...one,
        outcome,
        answer,
        attempts: 1,
        endedAt: 1,
        nextAt: null,
      }));
      await client.alerts.write("me", { ended });
      return ended.length > 0;
    });
  const [ok] = await Promise.all([cli("alert", "test", "ops"), answers("delivered", "204")]);
  expect([ok.code, ok.stdout]).toEqual([0, expect.stringContaining("204")]);
  const [bad] = await Promise.all([cli("alert", "test", "ops"), answers("failed", "403: no")]);
  expect([bad.code, bad.stdout]).toEqual([1, expect.stringContaining("403: no")]);
  expect((await cli("alert", "test", "nobody")).code).toBe(3);
});

test("a wrong command line is refused; the message says what is wrong, and never shows a secret", async () => {
  const rule = (...words: string[]) => cli("alert", "put", "wrong", ...words);
  for (const [answer, said] of [
    [await rule(), "--when"],
    [await rule("--when", "dead_letters"), "needs --above"],
    [await rule("--when", "dead_letters", "--above", "many"), "whole number"],
    [await rule("--when", "no_workers", "--above", "1"), "cannot be combined"],
    [await rule("--when", "failure_ratio", "--above", "1"), "less than 1"],
    [await rule("--when", "failure_ratio", "--above", "0.5", "--window", "1s"), "10s to 15m"],
    [await rule("--when", "no_workers", "--queues", "a{b}"), "--queues"],
    [await cli("alert", "put", "No Name", "--when", "no_workers"), "the name of a rule"],
    [await withInput("nonsense", "alert", "target", "put", "x", "-"), "has to be a URL"],
    [
      await withInput("https://a.example/path-secret", "alert", "target", "put", "x", "-"),
      "one or two secrets",
    ],
    [
      await withInput("https://a.example/path-secret whsec_short", "alert", "target", "put", "x", "-"),
      "base64",
    ],
  ] as const) {
    expect([answer.code, answer.stderr]).toEqual([2, expect.stringContaining(said)]);
    expect(answer.stderr).not.toContain("path-secret");
    expect(answer.stderr).not.toContain("whsec_short");
  }
  expect((await rule("--when", "no_workers", "--target", "nobody")).code).toBe(3);
});

test("every change, mute and test is in the history", async () => {
  const records = await json<{ action: string; subject: string; outcome: string }[]>(
    "history",
    "--limit",
    "100",
  );
  const lines = records.map(({ action, subject, outcome }) => `${action} ${subject} ${outcome}`);
  for (const line of [
    "alert_target.put ops succeeded",
    "alert_target.delete team refused",
    "alert.put failures succeeded",
    "alert.put wrong refused",
    "alert.delete old succeeded",
    "alert.mute failures succeeded",
    "alert.unmute failures succeeded",
    "alert.test ops succeeded",
    "alert.test nobody refused",
  ])
    expect(lines).toContain(line);
});

import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { alerts, hasPrometheus, promtool, read, recorded, root } from "./support.ts";

const TESTS = "infra/prometheus/tests";
/** The test files for recording rules. */
const RECORDED_TESTS = ["backlog-work.yml"];
const PAGES = [
  "OldestPendingTooOld",
  "NoWorkers",
  "StalledConsumption",
  "DeadLettersGrowing",
  "FailureRatioHigh",
  "JanitorStale",
  "CollectorDown",
  "AuditViolation",
  "RedisMemoryHigh",
];
const TICKETS = ["DeadLettersPresent", "StaleVerdicts", "LeaseLossRate", "EvictionPolicyWrong", "LongHold"];

describe.skipIf(!hasPrometheus)("promtool", () => {
  test("promtool accepts the configuration and finds the rules in it", () => {
    const output = promtool("check", "config", "infra/prometheus/prometheus.yml");
    expect(output).toContain("2 rule files found");
    expect(output).toContain(`${alerts.length} rules found`);
    expect(output).toContain(`${recorded.length} rules found`);
  });

  test.each(readdirSync(resolve(root, TESTS)))("the test cases of %s pass", (file) => {
    expect(promtool("test", "rules", `${TESTS}/${file}`)).toContain("SUCCESS");
  });
});

test("exactly the agreed alerts page, and exactly the agreed alerts open a ticket", () => {
  const of = (severity: string) =>
    alerts.filter(({ text }) => text.includes(`labels: { severity: ${severity} }`)).map(({ name }) => name);
  expect(of("page")).toEqual(PAGES);
  expect(of("ticket")).toEqual(TICKETS);
  expect(alerts).toHaveLength(PAGES.length + TICKETS.length);
});

describe.each(alerts)("$name", ({ name, text }) => {
  test("the alert has a waiting time, a summary, a description and a runbook", () => {
    expect(text).toMatch(/^ {8}for: \d+[mh]$/m);
    expect(text).toMatch(/^ {10}summary: ./m);
    expect(text).toMatch(/^ {10}description: ./m);
    expect(text).toContain(`runbook_url: docs/runbooks/${name}.md`);
  });

  test("the alert has test cases in which it fires, is silent, and has no data", () => {
    const cases = read(`${TESTS}/${name}.yml`)
      .split(/^ {2}- name: /m)
      .slice(1)
      .map((body) => ({
        kind: body.split(" ")[1],
        isOfIt: body.includes(`alertname: ${name}\n`),
        fires: !body.includes("exp_alerts: []"),
      }));
    expect(cases.every(({ isOfIt }) => isOfIt)).toBe(true);
    expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(["fires", "silent", "absent"]));
    for (const { kind, fires } of cases) if (kind !== "absent") expect(fires).toBe(kind === "fires");
  });

  test("the alert has a listed runbook, which says what it means, how to see it and what to do", () => {
    const page = read(`docs/runbooks/${name}.md`);
    expect(page.startsWith(`# ${name}\n`)).toBe(true);
    expect([...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
      "What it means",
      "How to see it",
      "What to do",
    ]);
    expect(page).toMatch(/```sh( illustration)?\n[^`]+```/);
    expect(page).toContain(`Severity: ${PAGES.includes(name) ? "page" : "ticket"}.`);
    expect(read("docs/runbooks/README.md")).toContain(`[${name}](${name}.md)`);
  });
});

test("every test and every runbook is about an alert that exists", () => {
  const known = alerts.map(({ name }) => name).sort();
  const tests = readdirSync(resolve(root, TESTS)).filter((name) => !RECORDED_TESTS.includes(name));
  expect(tests.sort()).toEqual(known.map((name) => `${name}.yml`));
  const pages = readdirSync(resolve(root, "docs/runbooks")).filter((name) => name !== "README.md");
  expect(pages.sort()).toEqual(known.map((name) => `${name}.md`));
});

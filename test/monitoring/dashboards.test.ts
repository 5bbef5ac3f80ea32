import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  dashboards,
  documentedMetrics,
  expressions,
  filledIn,
  hasPrometheus,
  promtool,
  read,
  recorded,
  root,
} from "./support.ts";

const UNITS = ["short", "s", "ops", "reqps", "percentunit", "bytes"];
const PANELS = ["stat", "timeseries", "heatmap", "table", "row"];
/** Metrics that Prometheus and prom-client add by themselves. */
const FOREIGN = [
  "up",
  "ALERTS",
  "nodejs_eventloop_lag_p99_seconds",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
];

/** The titles of the panels that a dashboard has to have. */
const WANTED = [
  "In against out",
  "Depth by state",
  "Oldest pending age",
  "Wait time",
  "Run time",
  "Run times",
  "Outcomes of attempts",
  "Retries",
  "Dead-letter inflow",
  "Expired leases",
  "Stale verdicts",
  "Slots busy",
  "Time to drain",
  "Redis memory",
  "Redis commands",
  "Redis script p99",
  "Event-loop lag p99",
  "HTTP 5xx ratio",
  "Begun within 30 s, 30 days",
];

test("the dashboards match their sources", () => {
  // The script fails if a dashboard differs from its source, and names that dashboard.
  execFileSync(process.execPath, ["scripts/generate-dashboards.mjs", "--check"], {
    cwd: root,
    stdio: "pipe",
  });
});

test("there are three dashboards (overview, queue, workers and Redis), with all expected panels", () => {
  expect(dashboards.map(([name]) => name)).toEqual(["overview.json", "queue.json", "workers-redis.json"]);
  const titles = dashboards.flatMap(([, { panels }]) => panels.map(({ title }) => title));
  expect(WANTED.filter((title) => !titles.includes(title))).toEqual([]);
  expect(new Set(dashboards.map(([, { uid }]) => uid)).size).toBe(3);
});

test("every metric in the table of docs/metrics.md has a panel", () => {
  const shown = dashboards.flatMap(([, board]) => expressions(board).map(({ expr }) => expr)).join("\n");
  const rules = read("infra/prometheus/rules/recording.yml");
  const unseen = documentedMetrics().filter(({ name }) => !shown.includes(name) && !rules.includes(name));
  expect(unseen).toEqual([]);
});

describe.each(dashboards)("%s", (_name, board) => {
  const { panels, templating, annotations, links } = board;
  const drawn = panels.filter(({ type }) => type !== "row");

  test("the dashboard has the fields that Grafana needs", () => {
    expect(board).toMatchObject({ tags: ["holdfast"], editable: false, refresh: "5s" });
    expect(board.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(board.uid).toMatch(/^[a-z-]{1,40}$/);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test("every panel has a title, a known type and unit, and an expression", () => {
    for (const panel of panels) {
      expect(panel.title).not.toBe("");
      expect(PANELS).toContain(panel.type);
    }
    for (const { targets, fieldConfig } of drawn) {
      expect(UNITS).toContain(fieldConfig.defaults.unit);
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      for (const { expr } of targets) expect(expr).not.toBe("");
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });

  test("a panel of a rate has the unit of a rate, and one of seconds has the unit seconds", () => {
    for (const { title, type, targets, fieldConfig } of drawn) {
      if (type === "heatmap") continue;
      const { unit } = fieldConfig.defaults;
      for (const { expr } of targets) {
        const where = `${title}: ${expr}`;
        if (expr.startsWith("histogram_quantile") && expr.includes("_seconds_bucket"))
          expect(unit, where).toBe("s");
        if (expr.startsWith("histogram_quantile") && expr.includes("_bytes_bucket"))
          expect(unit, where).toBe("bytes");
        if (/^sum( by \(.*?\))? \(?rate\(holdfast_\w+_total/.test(expr)) expect(unit, where).toBe("ops");
        if (/:ratio/.test(expr)) expect(unit, where).toBe("percentunit");
      }
    }
  });

  test("panels fit into the grid and do not overlap", () => {
    for (const { gridPos: a, id } of panels) {
      expect(a.x + a.w).toBeLessThanOrEqual(24);
      for (const { gridPos: b, id: other } of panels) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        if (id !== other) expect(apart, `${id} and ${other}`).toBe(true);
      }
    }
  });

  test("every panel uses the provisioned data source", () => {
    const uid = /uid: (\S+)/.exec(read("infra/grafana/provisioning/datasources/prometheus.yml"))?.[1];
    const used = [
      ...drawn.flatMap(({ datasource, targets }) => [
        datasource,
        ...targets.map((target) => target.datasource),
      ]),
      ...annotations.list.map(({ datasource }) => datasource),
      ...templating.list.flatMap(({ datasource }) => datasource ?? []),
    ];
    expect(new Set(used.map((source) => source.uid))).toEqual(new Set([uid]));
  });

  test("every variable that is used exists, and every variable that exists is used", () => {
    const text = JSON.stringify([panels, annotations, links]);
    const used = new Set([...text.matchAll(/\$\{?([a-z]+)\b/g)].map(([, name]) => name ?? ""));
    expect(used).toEqual(new Set(templating.list.map(({ name }) => name)));
  });

  test("the dashboard marks replays and deploys, and links to the other ones and to the dashboard of Holdfast", () => {
    expect(annotations.list.map(({ name }) => name)).toEqual(["Replays", "Deploys"]);
    expect(links.map(({ type, url }) => url ?? type)).toEqual([`\${holdfast}/`, "dashboards"]);
  });

  test("every metric and label in its expressions exists", () => {
    const rows = new Map(documentedMetrics().map((row) => [row.name, row]));
    for (const { where, expr } of expressions(board)) {
      for (const [, name = "", suffix = "", selector = ""] of expr.matchAll(
        /\b(holdfast_\w+?)(_bucket|_sum|_count)?(?:\{(.*?)\}|(?![\w:]))/g,
      )) {
        if (recorded.some((record) => record.includes(`:${name}`) && expr.includes(record))) continue;
        const row = rows.get(name) ?? rows.get(name + suffix);
        expect(row, `${where}: ${name}${suffix}`).toBeDefined();
        const asked = [...selector.matchAll(/(\w+)=~?"/g)].map(([, label]) => label ?? "");
        const known = [...(row?.labels ?? []), "job", "le"];
        expect(
          asked.filter((label) => !known.includes(label)),
          `${where}: ${expr}`,
        ).toEqual([]);
      }
      const plain = expr.replaceAll(/"[^"]*"|\b(by|on|without|unless|offset)\b( \([^)]*\))?/g, "");
      const names = [...plain.matchAll(/[a-zA-Z_:][\w:]*(?=[{[)\s]|$)/g)].map(([name]) => name);
      const bare = names.filter(
        (name) => name.includes("_") && !name.startsWith("holdfast_") && !name.includes("__"),
      );
      const unknown = bare.filter((name) => !FOREIGN.includes(name) && !recorded.includes(name));
      expect(unknown, `${where}: ${expr}`).toEqual([]);
    }
  });

  test.skipIf(!hasPrometheus)("every expression is PromQL", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-promql-"));
    try {
      const rules = expressions(board).map(({ expr }, index) => ({
        record: `expression_${index}`,
        expr: filledIn(expr),
      }));
      // JSON is valid YAML, so the rule file can be written as JSON.
      writeFileSync(join(folder, "rules.yml"), JSON.stringify({ groups: [{ name: "all", rules }] }));
      expect(promtool("check", "rules", join(folder, "rules.yml"))).toContain(`${rules.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("every bucket boundary in an expression matches the forms of both Prometheus versions", () => {
  const all = [
    ...dashboards.flatMap(([, board]) => expressions(board).map(({ expr }) => expr)),
    read("infra/prometheus/rules/recording.yml"),
    read("infra/prometheus/rules/alerts.yml"),
  ];
  expect(all.filter((text) => /\ble="\d+(\.0)?"/.test(text))).toEqual([]);
});

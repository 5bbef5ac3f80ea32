import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
export const read = (path: string): string => readFileSync(resolve(root, path), "utf8");

/** Debian's package `prometheus` has both programs. `make test` installs it if it can. */
export const hasPrometheus = ["prometheus", "promtool"].every(
  (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);
if (!hasPrometheus) {
  console.warn(
    "SKIPPED: prometheus or promtool is not installed, so rules and dashboards are not tested with them",
  );
}

export const promtool = (...args: string[]): string =>
  execFileSync("promtool", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

export interface MetricRow {
  name: string;
  type: string;
  labels: string[];
  from: string[];
}

/** Returns the rows of the table of metrics in docs/metrics.md. */
export function documentedMetrics(): MetricRow[] {
  const page = read("docs/metrics.md");
  const table = page.slice(page.indexOf("<!-- metrics -->"), page.indexOf("<!-- /metrics -->"));
  const list = (text: string | undefined) => (text ?? "").split(",").map((part) => part.trim());
  return [...table.matchAll(/^\| `(\w+)` *\| (\w+) *\| (.+?) *\| (.+?) *\|/gm)].map(
    ([, name = "", type = "", labels, from]) => ({
      name,
      type,
      labels: labels === "–" ? [] : list(labels),
      from:
        from === "all"
          ? ["producer-api", "worker", "worker-api", "janitor", "observability", "dispatcher"]
          : list(from),
    }),
  );
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: { defaults: { unit: string; links?: { url: string }[] } };
  datasource: { uid: string };
  targets: { refId: string; expr: string; legendFormat?: string; datasource: { uid: string } }[];
}

export interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  links: { type: string; url?: string }[];
  templating: {
    list: { name: string; type: string; query: { query: string } | string; datasource?: { uid: string } }[];
  };
  annotations: { list: { name: string; expr: string; datasource: { uid: string } }[] };
}

export const dashboards: [string, Dashboard][] = readdirSync(resolve(root, "infra/grafana/dashboards")).map(
  (name) => [name, JSON.parse(read(`infra/grafana/dashboards/${name}`)) as Dashboard],
);

/** Returns every expression in a Grafana dashboard, with its place in the dashboard. */
export function expressions({ panels, annotations }: Dashboard): { where: string; expr: string }[] {
  return [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ refId, expr }) => ({ where: `${title} ${refId}`, expr })),
    ),
    ...annotations.list.map(({ name, expr }) => ({ where: `annotation ${name}`, expr })),
  ];
}

/** Replaces the variables of a Grafana dashboard, as Grafana does when everything is selected. */
export const filledIn = (expr: string, values: Record<string, string> = {}): string =>
  expr
    .replaceAll("$__rate_interval", values.interval ?? "1m")
    .replaceAll("$queue", values.queue ?? ".*")
    .replaceAll("$type", values.type ?? ".*");

export interface AlertRule {
  name: string;
  /** The YAML text of the rule. */
  text: string;
}

/** The alerts in the rule file. They are found by their indentation, which is always the same. */
export const alerts: AlertRule[] = read("infra/prometheus/rules/alerts.yml")
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map((text) => ({ name: text.slice(0, text.indexOf("\n")), text }));
export const recorded: string[] = [
  ...read("infra/prometheus/rules/recording.yml").matchAll(/- record: (\S+)/g),
].map(([, name]) => name ?? "");

// Functions that make the parts of a Grafana dashboard. The other files in this folder define the dashboards, and `node
// scripts/generate-dashboards.mjs` writes them to infra/grafana/dashboards/.
const datasource = { type: "prometheus", uid: "prometheus" };

/**
 * Selects the series of workers that run the queue. Their label `queue` has the names of all queues of the worker,
 * such as queue="critical,default".
 */
export const SHARED = '{queue=~"(.*,)?($queue)(,.*)?"}';

const query = (expr, legendFormat, index, more = {}) => ({
  refId: String.fromCharCode(65 + index),
  datasource,
  expr,
  ...(legendFormat === undefined ? {} : { legendFormat }),
  ...more,
});

/** @param queries legend -> expression. A legend such as {{queue}} shows the value of that label */
function targets(queries) {
  if (typeof queries === "string") return [query(queries, undefined, 0)];
  return Object.entries(queries).map(([legend, expr], index) => query(expr, legend, index));
}

const base = (type, title, unit, options) => ({
  type,
  title,
  description: options.description ?? "",
  datasource,
  ...(options.links ? { links: options.links } : {}),
  fieldConfig: {
    defaults: {
      unit,
      min: 0,
      ...(options.max === undefined ? {} : { max: options.max }),
      ...(options.noValue === undefined ? {} : { noValue: options.noValue }),
      ...(options.thresholds ? { thresholds: thresholds(options.thresholds) } : {}),
      ...(options.dataLinks ? { links: options.dataLinks } : {}),
    },
    overrides: [],
  },
});

/** The panel turns yellow at the first value and red at the second. */
const thresholds = ([warning, critical]) => ({
  mode: "absolute",
  steps: [
    { color: "green", value: null },
    { color: "yellow", value: warning },
    { color: "red", value: critical },
  ],
});

/** Returns a panel with a single number. */
export function stat(title, unit, expr, options = {}) {
  return {
    ...base("stat", title, unit, options),
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      colorMode: options.thresholds ? "background" : "value",
      graphMode: "area",
      textMode: "auto",
    },
    targets: targets(expr),
    size: { w: 4, h: 4 },
  };
}

/** Returns a panel with lines over time. */
export function lines(title, unit, queries, options = {}) {
  const made = base("timeseries", title, unit, options);
  made.fieldConfig.defaults.custom = {
    drawStyle: "line",
    fillOpacity: options.stacked ? 30 : 10,
    lineWidth: 1,
    showPoints: "never",
    stacking: { mode: options.stacked ? "normal" : "none" },
  };
  return {
    ...made,
    options: {
      legend: { displayMode: "list", placement: "bottom" },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: targets(queries),
    size: { w: options.w ?? 8, h: 8 },
  };
}

/** Returns a panel with p50, p95 and p99 of a histogram. @param selector the label selector, with its braces */
export function quantiles(title, metric, selector, options = {}) {
  const of = (share) =>
    `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket${selector}[$__rate_interval])))`;
  return lines(title, options.unit ?? "s", { p50: of(0.5), p95: of(0.95), p99: of(0.99) }, options);
}

/** Returns a panel with the distribution of a histogram over time. */
export function heatMap(title, metric, selector, options = {}) {
  const expr = `sum by (le) (increase(${metric}_bucket${selector}[$__rate_interval]))`;
  return {
    ...base("heatmap", title, "short", options),
    options: {
      calculate: false,
      cellGap: 1,
      color: { mode: "scheme", scheme: "Oranges", steps: 64 },
      yAxis: { unit: "s" },
      tooltip: { mode: "single", yHistogram: true },
      legend: { show: true },
    },
    targets: [query(expr, "{{le}}", 0, { format: "heatmap" })],
    size: { w: options.w ?? 8, h: 8 },
  };
}

/** Returns a panel with a table: one row of numbers for each series. */
export function table(title, unit, expr, options = {}) {
  return {
    ...base("table", title, unit, options),
    options: { showHeader: true, cellHeight: "sm" },
    transformations: [{ id: "organize", options: { excludeByName: { Time: true, Value: true } } }],
    targets: [query(expr, undefined, 0, { format: "table", instant: true })],
    size: { w: options.w ?? 8, h: 8 },
  };
}

export const row = (title) => ({ type: "row", title, collapsed: false, panels: [], size: { w: 24, h: 1 } });

const variable = (name, label, expr) => ({
  name,
  label,
  type: "query",
  datasource,
  query: { query: expr, refId: name },
  refresh: 2,
  includeAll: true,
  allValue: ".*",
  multi: true,
  current: { text: "All", value: "$__all" },
  sort: 1,
});

const annotation = (name, iconColor, expr, titleFormat) => ({
  name,
  datasource,
  enable: true,
  iconColor,
  expr,
  step: "30s",
  titleFormat,
  textFormat: "",
  tagKeys: "queue,service",
});

/** Places panels from left to right. A panel that does not fit into a row starts the next row. */
function placed(panels) {
  let x = 0;
  let y = 0;
  let height = 0;
  return panels.map(({ size: { w, h }, ...panel }, index) => {
    if (x + w > 24) {
      x = 0;
      y += height;
      height = 0;
    }
    const gridPos = { h, w, x, y };
    x += w;
    height = Math.max(height, h);
    return { id: index + 1, ...panel, gridPos };
  });
}

/**
 * @param variables the variables of the dashboard: "queue", "type" or both
 */
export function dashboard({ uid, title, variables, panels }) {
  const list = {
    queue: variable("queue", "Queue", "label_values(holdfast_queue_tasks, queue)"),
    type: variable("type", "Type", 'label_values(holdfast_task_attempts_total{queue=~"$queue"}, type)'),
  };
  const ours = "http://localhost:3001";
  return {
    uid,
    title,
    tags: ["holdfast"],
    timezone: "browser",
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,
    refresh: "5s",
    time: { from: "now-15m", to: "now" },
    templating: {
      list: [
        ...variables.map((name) => list[name]),
        // A variable with the address at which browsers reach the Holdfast dashboard.
        {
          name: "holdfast",
          label: "Dashboard",
          type: "constant",
          hide: 2,
          query: ours,
          current: { text: ours, value: ours },
        },
      ],
    },
    annotations: {
      list: [
        annotation(
          "Replays",
          "purple",
          'sum by (queue, outcome) (increase(holdfast_dead_letters_replayed_total{queue=~"$queue",outcome=~"replayed|moved"}[1m])) > 0',
          "{{outcome}} dead letters of {{queue}}",
        ),
        annotation(
          "Deploys",
          "blue",
          "count by (service, version) (holdfast_build_info) unless count by (service, version) (holdfast_build_info offset 1m)",
          "{{service}} {{version}}",
        ),
      ],
    },
    links: [
      {
        type: "link",
        title: "Holdfast dashboard",
        url: `\${holdfast}/`,
        icon: "external link",
        targetBlank: true,
      },
      {
        type: "dashboards",
        title: "Holdfast",
        tags: ["holdfast"],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    panels: placed(panels),
  };
}

/** Returns a link from a series with the label `queue` to the page of that queue in the Holdfast dashboard. */
export const toQueue = (path = "") => [
  {
    title: `Open \${__field.labels.queue} in Holdfast`,
    url: `\${holdfast}/queues/\${__field.labels.queue}${path}`,
    targetBlank: true,
  },
];

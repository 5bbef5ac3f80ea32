import { cpus, release, totalmem } from "node:os";
import { paces } from "./pace.mjs";
import { redisVersion } from "./redis.mjs";
import { summary } from "./statistics.mjs";
import { stolenLines } from "./steal.mjs";

function figure(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(size < 0.1 ? 3 : 2);
}

const spread = ({ median, min, max, count }) =>
  count < 2 ? figure(median) : `${figure(median)} (${figure(min)} to ${figure(max)})`;

function unitOf(entry) {
  if (entry.kind === "ratio")
    return `x ${entry.against}${/^p\d/.test(entry.metric) ? ` ${entry.metric.slice(0, 3)}` : ""}`;
  return entry.kind === "flat" ? "x largest to smallest" : entry.unit;
}

const sign = (entry) => (entry.atMost ? "≤ " : "≥ ");

export function machine({ quick, startedAt, seconds, loads, stolen = null, skipped = [] }) {
  const processors = cpus();
  const load = (values) => values.map((value) => value.toFixed(2)).join(" ");
  return [
    `- Date: ${startedAt.toISOString()}, ${Math.round(seconds)} s${quick ? ", QUICK=1: one round, smaller sizes (steady 30,000 tasks; growth to 300,000 waiting)" : ""}`,
    `- Machine: ${processors[0]?.model ?? "?"}, ${processors.length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, Linux kernel ${release()}`,
    `- Node ${process.versions.node}, Redis ${redisVersion()}`,
    `- Load average at the start ${load(loads.before)}, at the end ${load(loads.after)} (the run makes about 2 itself)`,
    ...stolenLines(stolen).map((line) => `- ${line}`),
    ...(skipped.length ? [`- Rounds left out because the time was up: ${skipped.join(", ")}`] : []),
  ].join("\n");
}

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** @param records if they are given, the table has a column with the date of each measurement */
export function verdictTable(rows, records) {
  const dateOf = ({ workload, measured }) => {
    const found = measured && records.find((record) => record.workload === workload);
    return found ? `${found.at.slice(0, 16).replace("T", " ")}${found.quick ? ", QUICK=1" : ""}` : "–";
  };
  const cells = rows.flatMap(({ row, figures }) =>
    figures.map((entry, at) => [
      at === 0 ? row : "",
      entry.measured ? `${spread(entry.measured)} ${unitOf(entry)}` : "–",
      `${sign(entry)}${entry.must}`,
      `${sign(entry)}${entry.stretch}`,
      entry.verdict,
      ...(records ? [dateOf(entry)] : []),
    ]),
  );
  return table(["Target", "Measured", "Must", "Stretch", "Verdict", ...(records ? ["When"] : [])], cells);
}

/** Returns the text of TARGETS.md. */
export function targetsPage(rows, records) {
  return `# Performance targets

Written by \`make targets\` from the last results of each workload of \`make compare\`. The results may come from different runs;
the last column says when each was measured. A figure is the median of the rounds; the smallest and the largest are in parentheses.
[README.md](README.md) says how they are measured, and [RESULTS.md](RESULTS.md) has one run of all workloads.

${verdictTable(rows, records)}

${reached(rows)}
`;
}

const COLUMNS = {
  tasks_per_s: "tasks/s",
  redis_us: "Redis µs",
  node_us: "Node µs",
  client_calls: "client calls",
  server_commands: "commands in Redis",
  wire_bytes: "bytes on the wire",
  memory_bytes: "bytes of memory",
  child_us: "µs per child",
  cpu_percent: "% of a core",
  rss_mb: "MB resident",
  image_mb: "MB of the image",
  commands_per_s: "commands/s",
};
const HIDDEN = new Set(["ms", "dead"]);

function group(records, keyOf) {
  const groups = new Map();
  for (const record of records) {
    const key = keyOf(record);
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  return groups;
}

function fullTable(records, note) {
  const metrics = [...new Set(records.flatMap((record) => Object.keys(record.metrics)))].filter(
    (name) => !HIDDEN.has(name),
  );
  const rows = [...group(records, (r) => `${r.variant}\u0000${r.system}`)].map(([key, same]) => {
    const cells = metrics.map((metric) => {
      const found = summary(same.map((record) => record.metrics[metric]));
      return found ? spread(found) : "–";
    });
    return [...key.split("\u0000"), ...cells];
  });
  // Variants are in the order in which they were measured. Within a variant, Holdfast comes first, and the others are
  // sorted by name.
  const variants = [...new Set(rows.map(([variant]) => variant))];
  const rank = (system) => (system === "holdfast" ? "" : system);
  rows.sort(
    (a, b) => variants.indexOf(a[0]) - variants.indexOf(b[0]) || rank(a[1]).localeCompare(rank(b[1])),
  );
  return `### ${note}\n\n${table(["", "system", ...metrics.map((name) => COLUMNS[name] ?? name)], rows)}`;
}

export function reached(rows) {
  const of = (verdict) => rows.filter((row) => row.verdict === verdict).map(({ row }) => row);
  const line = (label, names) => (names.length ? `${label}: ${names.join("; ")}.` : `${label}: none.`);
  return [
    line("Stretch reached", of("stretch reached")),
    line("Must held", of("must held")),
    line("NOT held", of("NOT held")),
    ...(of("not measured").length ? [line("Not measured", of("not measured"))] : []),
  ].join("\n\n");
}

/**
 * Returns a table of the results in µs, converted to the speed of the other machine; "" if the workload `steady` was
 * not measured.
 */
function paceTable(records) {
  const rows = paces(records).map(({ variant, metric, here, slower, atPace }) => [
    `${COLUMNS[metric]}, ${variant}`,
    spread(here),
    spread(slower),
    spread(atPace),
  ]);
  if (rows.length === 0) return "";
  return `### Targets in µs, at the pace of the machine that they were set on

No verdict: a figure in µs is as good as the machine. The peers took their µs there as well; here they take so many times
as many, the least of the three. Ours divided by it, round by round:

${table(["", "Holdfast here, µs", "peers: time here / time there", "Holdfast there, µs"], rows)}

`;
}

export function markdown({ records, rows, facts, notes }) {
  const tables = [...group(records, (record) => record.workload)].map(([workload, of]) =>
    fullTable(of, workload),
  );
  return `# Holdfast beside bullmq, bull and bee-queue

Written by \`make compare\` from one run. Ratios are taken within each round; a figure is the median of the rounds, in
parentheses the least and the greatest. How it is measured: [README.md](README.md).

${machine(facts)}

## Targets

${verdictTable(rows)}

${reached(rows)}

${paceTable(records)}${notes ? `## Reasons\n\n${notes.trim()}\n\n` : ""}## Every figure

Costs are per task. Redis µs: user and system time of the server (INFO cpu). Node µs: the same of the client process,
all threads. Client calls: what the client library sends, a script call being one; commands in Redis: with those that
scripts make.

${tables.join("\n\n")}

## How to measure again

\`\`\`sh
make compare            # about 15 minutes
make compare QUICK=1    # about 3 minutes
\`\`\`
`;
}

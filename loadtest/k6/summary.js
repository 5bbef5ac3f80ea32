// Writes the result of a run as text for people, and the same values as JSON.
import { queue, resultsFolder } from "./settings.js";

const round = (value, digits = 0) => Number(value.toFixed(digits));

/** @param name the name of the script; the files are `<folder>/<name>.json` and `<folder>/<name>.txt` */
export function summarise(name, data) {
  const values = (metric) => (data.metrics[metric] ? data.metrics[metric].values : {});
  const count = (metric) => values(metric).count || 0;
  const clock = values("intake_clock");
  const intakeSeconds = clock.max > clock.min ? (clock.max - clock.min) / 1_000 : null;
  const latency = (metric) => {
    const { med, "p(95)": p95, "p(99)": p99, max } = values(metric);
    return med === undefined
      ? null
      : { p50: round(med, 1), p95: round(p95, 1), p99: round(p99, 1), max: round(max, 1) };
  };
  const thresholds = Object.entries(data.metrics).flatMap(([metric, { thresholds: rules = {} }]) =>
    Object.entries(rules).map(([rule, { ok }]) => ({ metric, rule, ok })),
  );
  const result = {
    script: name,
    queue,
    ok: thresholds.every(({ ok }) => ok),
    tasks: {
      accepted: count("tasks_accepted"),
      stored: values("tasks_stored").value || 0,
      lost: count("tasks_lost"),
    },
    intakeSeconds,
    acceptedPerSecond: intakeSeconds ? round(count("tasks_accepted") / intakeSeconds) : null,
    requests: {
      sent: count("http_reqs"),
      repeated: count("requests_repeated"),
      failed: count("requests_failed"),
    },
    droppedIterations: count("dropped_iterations"),
    endToEndMs: latency("task_end_to_end"),
    requestMs: latency("http_req_duration"),
    thresholds,
  };
  const text = asText(result);
  return {
    stdout: `\n${text}\n`,
    [`${resultsFolder}/${name}.json`]: `${JSON.stringify(result, null, 2)}\n`,
    [`${resultsFolder}/${name}.txt`]: `${text}\n`,
  };
}

function asText({ script, tasks, intakeSeconds, acceptedPerSecond, requests, thresholds, ...rest }) {
  const times = (ms) =>
    ms === null ? "–" : `p50 ${ms.p50}, p95 ${ms.p95}, p99 ${ms.p99}, longest ${ms.max} ms`;
  const intake = intakeSeconds ? ` in ${intakeSeconds.toFixed(2)} s, ${acceptedPerSecond} a second` : "";
  return [
    `${script} on queue "${rest.queue}": ${rest.ok ? "passed" : "FAILED"}`,
    `  tasks       ${tasks.accepted} accepted${intake}; ${tasks.stored} stored, ${tasks.lost} lost`,
    `  end to end  ${times(rest.endToEndMs)}`,
    `  requests    ${requests.sent} sent, ${requests.repeated} repeated, ${requests.failed} failed, ${rest.droppedIterations} iterations dropped`,
    `  duration    ${times(rest.requestMs)}`,
    ...thresholds.map(({ metric, rule, ok }) => `  ${ok ? "ok  " : "FAIL"}  ${metric} ${rule}`),
  ].join("\n");
}

/** Statistics to report. The default of k6 does not include the 99th percentile. */
export const summaryTrendStats = ["min", "med", "avg", "p(95)", "p(99)", "max"];

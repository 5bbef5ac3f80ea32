import { pairedRatio, summary, valuesOf } from "./statistics.mjs";

export const OURS = "holdfast";

function fastest(records, figure, peers) {
  const best = new Map();
  for (const system of peers) {
    for (const [round, value] of valuesOf(records, { ...figure, system })) {
      best.set(round, Math.max(best.get(round) ?? 0, value));
    }
  }
  return best;
}

/**
 * Returns the largest value among the matching variants, divided by the smallest. Each value is the median of many
 * samples.
 */
function flatness(records, figure) {
  const values = records
    .filter((r) => r.workload === figure.workload && r.system === OURS && figure.variant.test(r.variant))
    .map((r) => r.metrics[figure.metric]);
  // A single variant has nothing to be compared with.
  return values.length < 2 ? null : summary([Math.max(...values) / Math.min(...values)]);
}

function measure(records, figure, peers) {
  if (figure.kind === "flat") return flatness(records, figure);
  const ours = valuesOf(records, { ...figure, system: OURS });
  if (figure.kind === "value") return summary([...ours.values()]);
  const theirs =
    figure.against === "best peer"
      ? fastest(records, figure, peers)
      : valuesOf(records, { ...figure, system: figure.against });
  return pairedRatio(ours, theirs);
}

/**
 * Returns the measured value of a figure, with its verdict: "stretch reached", "must held", "NOT held", or "not
 * measured".
 */
export function judge(records, figure, peers) {
  const measured = measure(records, figure, peers);
  const holds = (limit) => (figure.atMost ? measured.median <= limit : measured.median >= limit);
  const verdict = !measured
    ? "not measured"
    : holds(figure.stretch)
      ? "stretch reached"
      : holds(figure.must)
        ? "must held"
        : "NOT held";
  return { ...figure, measured, verdict };
}

/** Returns every row with its figures. The verdict of a row is the worst verdict of its figures. */
export function judgeAll(records, targets, peers) {
  const order = ["not measured", "NOT held", "must held", "stretch reached"];
  return targets.map(({ row, figures }) => {
    const judged = figures.map((figure) => judge(records, figure, peers));
    const worst = Math.min(...judged.map(({ verdict }) => order.indexOf(verdict)));
    return { row, figures: judged, verdict: order[worst] };
  });
}

export const allHold = (rows) =>
  rows.every(({ verdict }) => verdict === "must held" || verdict === "stretch reached");

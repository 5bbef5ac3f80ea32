/** The middle value; the mean of the two middle ones where their number is even. NaN of nothing. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median with the least and the greatest; null of nothing. */
export function summary(values) {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length === 0) return null;
  return { median: median(known), min: Math.min(...known), max: Math.max(...known), count: known.length };
}

/** A metric by round, of the records that match. @param what.variant a text, a pattern, or undefined for any */
export function valuesOf(records, { workload, variant, system, metric }) {
  const byRound = new Map();
  for (const record of records) {
    if (record.workload !== workload || record.system !== system) continue;
    if (variant instanceof RegExp ? !variant.test(record.variant) : variant && record.variant !== variant)
      continue;
    const value = record.metrics[metric];
    if (Number.isFinite(value)) byRound.set(record.round, value);
  }
  return byRound;
}

/** The ratio within each round, then the median of the rounds with least and greatest. */
export function pairedRatio(ours, theirs) {
  const ratios = [];
  for (const [round, value] of ours) if (theirs.has(round)) ratios.push(value / theirs.get(round));
  return summary(ratios);
}

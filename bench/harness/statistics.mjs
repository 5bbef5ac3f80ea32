/** Returns the median: the middle value, or the mean of the two middle values. Returns NaN if there are no values. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Returns the median, the smallest and the largest value, or null if there are no values. */
export function summary(values) {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length === 0) return null;
  return { median: median(known), min: Math.min(...known), max: Math.max(...known), count: known.length };
}

/** Returns the values of a metric by round. @param what.variant a text, a pattern, or undefined for any variant */
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

/** Divides our value by theirs in each round. Returns the median of the ratios, with the smallest and the largest. */
export function pairedRatio(ours, theirs) {
  const ratios = [];
  for (const [round, value] of ours) if (theirs.has(round)) ratios.push(value / theirs.get(round));
  return summary(ratios);
}

/** Returns the largest number of times within any span of `spanMs`. The end of the span does not belong to it. */
export function mostWithin(times, spanMs) {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while (sorted[last] - sorted[first] >= spanMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

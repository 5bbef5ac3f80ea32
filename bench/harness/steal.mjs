import { readFileSync } from "node:fs";

const STEAL = 7;

/**
 * The CPU times since boot, in ticks: the total, and the time that the host gave to other guests. Null if Linux does
 * not report it.
 */
export function cpuTicks(read = () => readFileSync("/proc/stat", "utf8")) {
  let text;
  try {
    text = read();
  } catch {
    return null;
  }
  // user nice system idle iowait irq softirq steal; what guests take is in user already.
  const ticks = /^cpu +([\d ]+)/
    .exec(text)?.[1]
    .trim()
    .split(/ +/)
    .map(Number)
    .slice(0, STEAL + 1);
  if (ticks?.length !== STEAL + 1) return null;
  return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[STEAL] };
}

/** The share of CPU time between two readings that other guests took, 0 to 1; null if it is unknown. */
export function stolenShare(before, after) {
  if (before === null || after === null || after.all <= before.all) return null;
  return (after.stolen - before.stolen) / (after.all - before.all);
}

/** The line about it in the report; nothing if it is unknown. */
export function stolenLines(share) {
  if (share === null) return [];
  return [`Neighbours took ${(100 * share).toFixed(1)}% of the CPU time meanwhile (steal in /proc/stat)`];
}

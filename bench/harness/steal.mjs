import { readFileSync } from "node:fs";

const STEAL = 7;

/**
 * Returns the CPU ticks since boot: all ticks, and the stolen ones, which the host gave to other guests. Returns null
 * if there is no /proc/stat.
 */
export function cpuTicks(read = () => readFileSync("/proc/stat", "utf8")) {
  let text;
  try {
    text = read();
  } catch {
    return null;
  }
  // The fields are user, nice, system, idle, iowait, irq, softirq and steal. The two after them are already part of
  // user and nice.
  const ticks = /^cpu +([\d ]+)/
    .exec(text)?.[1]
    .trim()
    .split(/ +/)
    .map(Number)
    .slice(0, STEAL + 1);
  if (ticks?.length !== STEAL + 1) return null;
  return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[STEAL] };
}

/** Returns the share of CPU time that the host gave to other guests between two readings, 0 to 1; null if unknown. */
export function stolenShare(before, after) {
  if (before === null || after === null || after.all <= before.all) return null;
  return (after.stolen - before.stolen) / (after.all - before.all);
}

/** Returns the lines of the report about stolen CPU time, or none if the share is unknown. */
export function stolenLines(share) {
  if (share === null) return [];
  return [
    `Other guests of the host took ${(100 * share).toFixed(1)}% of the CPU time meanwhile (steal in /proc/stat)`,
  ];
}

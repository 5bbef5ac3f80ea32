import { OURS } from "./verdict.mjs";

/** Returns a function. For variants of a workload, it names the systems whose results the targets use. */
export function askedOf(targets, peers) {
  const figures = targets.flatMap((target) => target.figures);
  return (workload, variants) => {
    const read = figures.filter(
      (figure) => figure.workload === workload && variants.includes(figure.variant),
    );
    return new Set(
      read.flatMap(({ against }) => [OURS, ...(against === "best peer" ? peers : [against ?? OURS])]),
    );
  };
}

/**
 * Returns the systems to measure in this round. The first round measures all systems. Later rounds measure only those
 * that the targets use, or all if the targets use none.
 */
export function takenIn(round, systems, asked) {
  return round === 0 || asked.size === 0 ? systems : systems.filter((system) => asked.has(system));
}

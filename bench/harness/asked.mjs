import { OURS } from "./verdict.mjs";

/** Returns a function that names the systems whose results the targets use, for variants of a workload. */
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
 * Returns the systems to measure in this round. The first round measures all systems. Later rounds measure only the
 * systems that the targets use; if the targets use none, they measure all.
 */
export function takenIn(round, systems, asked) {
  return round === 0 || asked.size === 0 ? systems : systems.filter((system) => asked.has(system));
}

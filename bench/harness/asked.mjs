import { OURS } from "./verdict.mjs";

/** Makes a function that says which systems a target reads in these variants of a workload; none if no target does. */
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
 * The systems that a round measures: all of them in the first round, then those that a target reads, or all if no
 * target reads any.
 */
export function takenIn(round, systems, asked) {
  return round === 0 || asked.size === 0 ? systems : systems.filter((system) => asked.has(system));
}

import type { Mutate } from "./setup.ts";

/**
 * Makes a mutant, that is a script with one error, by changing one place. @throws unless `from` occurs exactly once
 */
export function replaceOnce(script: string, from: string, to: string): Mutate {
  return (name, source) => {
    if (name !== script) return source;
    const parts = source.split(from);
    if (parts.length !== 2) {
      throw new RangeError(`"${from}" is ${parts.length - 1} times in ${script}, expected it once`);
    }
    return parts.join(to);
  };
}

export const all =
  (...mutations: Mutate[]): Mutate =>
  (name, source) =>
    mutations.reduce((text, mutate) => mutate(name, text), source);

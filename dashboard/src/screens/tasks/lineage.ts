/** The id that a replay into another queue gave is made of the one before: `abc.g2` is the second life of `abc`. */
export function originOf(id: string): { id: string; generation: number } | null {
  const match = /^(.+)\.g(\d+)$/.exec(id);
  return match === null ? null : { id: match[1] as string, generation: Number(match[2]) };
}

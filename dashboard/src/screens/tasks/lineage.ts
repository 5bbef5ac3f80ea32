/** A replay into another queue derives the new id from the old one: `abc.g2` is the second life of `abc`. */
export function originOf(id: string): { id: string; generation: number } | null {
  const match = /^(.+)\.g(\d+)$/.exec(id);
  return match === null ? null : { id: match[1] as string, generation: Number(match[2]) };
}

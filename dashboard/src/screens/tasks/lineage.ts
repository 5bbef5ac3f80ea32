/**
 * A replay into another queue gives the new task an id with an ending: `abc.g2` is a replay of `abc`. Returns the
 * original task, or null if the id has no such ending.
 */
export function originOf(id: string): { id: string; generation: number } | null {
  const match = /^(.+)\.g(\d+)$/.exec(id);
  return match === null ? null : { id: match[1] as string, generation: Number(match[2]) };
}

/** Returns the task from whose id a replay into another queue made this id: `abc.g2` comes from `abc`. */
export function originOf(id: string): { id: string; generation: number } | null {
  const match = /^(.+)\.g(\d+)$/.exec(id);
  return match === null ? null : { id: match[1] as string, generation: Number(match[2]) };
}

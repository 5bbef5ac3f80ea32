/** Returns the known name that was probably meant, for a hint in an error; undefined if none is similar. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  if (plain === "") return undefined;
  let best: string | undefined;
  let least = Math.min(3, 1 + Math.floor(plain.length / 4)) + 1;
  for (const known of names) {
    const other = known.toLowerCase();
    // A beginning or an end of a name counts as one step away: `delay` is near `delayMs`, `retries` near `maxRetries`.
    const isPart = plain.length >= 4 && (other.startsWith(plain) || other.endsWith(plain));
    const steps = isPart ? 1 : distance(plain, other);
    if (steps < least) [best, least] = [known, steps];
  }
  return best;
}

/**
 * Returns how many letters have to be added, removed, changed or swapped with their neighbour to turn one word into the
 * other.
 */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(
        (row[j - 1] as number) + 1,
        (last[j] as number) + 1,
        (last[j - 1] as number) + same,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] as number;
}

/** What a reader chose for all pages: theme and way of showing times. Kept in this browser only. */

export function readPreference<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
  try {
    const value = localStorage.getItem(`holdfast.${name}`);
    return allowed.find((candidate) => candidate === value) ?? fallback;
  } catch {
    return fallback;
  }
}

export function writePreference(name: string, value: string): void {
  try {
    localStorage.setItem(`holdfast.${name}`, value);
  } catch {
    // Storage may be blocked: the choice then lasts as long as the page.
  }
}

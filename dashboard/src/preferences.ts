/** The reader's choices for all pages: theme and format of times. They are kept in this browser only. */

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
    // Storage may be blocked; then the choice lasts as long as the page.
  }
}

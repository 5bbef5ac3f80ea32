/** Stores what the user chose in this browser, such as the theme and the format of times. */

/** Returns the stored value if it is allowed, otherwise the fallback. Without a list, every text is allowed. */
export function readPreference(name: string): string | null;
export function readPreference<T extends string>(name: string, allowed: readonly T[], fallback: T): T;
export function readPreference<T extends string>(name: string, allowed?: readonly T[], fallback?: T) {
  let value: string | null = null;
  try {
    value = localStorage.getItem(`holdfast.${name}`);
  } catch {
    // If storage is blocked, nothing was stored.
  }
  return allowed === undefined ? value : (allowed.find((candidate) => candidate === value) ?? fallback);
}

export function writePreference(name: string, value: string): void {
  try {
    localStorage.setItem(`holdfast.${name}`, value);
  } catch {
    // If storage is blocked, the choice lasts until the page is closed.
  }
}

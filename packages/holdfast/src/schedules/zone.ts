import { HoldfastError } from "@holdfast/contracts";

const DAY_MS = 86_400_000;
const SECOND_MS = 1_000;

/**
 * Converts between times and the wall-clock times of a time zone. A wall-clock time is represented as if it were in
 * UTC, in ms since the epoch, so that such times can be compared and subtracted.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  /** The change of the clocks that was found last. It is kept, because most calls need the same one again. */
  #change: Change | null = null;

  /** @throws HoldfastError invalid_argument */
  constructor(timeZone: string) {
    this.#format = formatOf(timeZone);
  }

  /** Returns the wall-clock time at a time. */
  wallOf(ms: number): number {
    return ms + this.#offsetAt(ms);
  }

  /**
   * Returns the latest wall-clock time that clocks have shown until this time. While clocks repeat an hour, it is later
   * than `wallOf`.
   */
  latestWallOf(ms: number): number {
    const change = this.#changeNear(ms);
    const wall = this.wallOf(ms);
    return change !== null && ms >= change.at ? Math.max(wall, change.at + change.before - 1) : wall;
  }

  /** Returns when clocks first show a wall-clock time; if they skip it, when they skip it. */
  firstMomentOf(wall: number): number {
    const change = this.#changeNear(wall);
    if (change === null) return wall - this.#offsetAt(wall);
    const before = wall - change.before;
    return before < change.at ? before : Math.max(change.at, wall - change.after);
  }

  /**
   * Returns the change of the clocks within a day of a time; null if there is none. No time zone has had two changes
   * within two days.
   */
  #changeNear(ms: number): Change | null {
    let low = ms - DAY_MS;
    let high = ms + DAY_MS;
    const known = this.#change;
    if (known !== null && low < known.at && known.at <= high) return known;
    const before = this.#offsetAt(low);
    const after = this.#offsetAt(high);
    if (before === after) return null;
    low = Math.floor(low / SECOND_MS);
    high = Math.ceil(high / SECOND_MS);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetAt(middle * SECOND_MS) === before) low = middle;
      else high = middle;
    }
    this.#change = { at: high * SECOND_MS, before, after };
    return this.#change;
  }

  #offsetAt(ms: number): number {
    const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
    for (const { type, value } of this.#format.formatToParts(ms))
      if (type in parts) parts[type as keyof typeof parts] = Number(value);
    const { year, month, day, hour, minute, second } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / SECOND_MS) * SECOND_MS;
  }
}

/** A change of the clocks: when it is, and the offset from UTC before and after it, ms. */
interface Change {
  at: number;
  before: number;
  after: number;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  try {
    // Offsets such as +01:00 are refused, because they do not follow daylight saving time.
    if (/^[A-Za-z]/.test(timeZone))
      return new Intl.DateTimeFormat("en-US", {
        ...{ timeZone, calendar: "gregory", hourCycle: "h23" },
        ...{ year: "numeric", month: "numeric", day: "numeric" },
        ...{ hour: "numeric", minute: "numeric", second: "numeric" },
      });
  } catch {}
  throw new HoldfastError(
    "invalid_argument",
    `"${timeZone}" is not a time zone: give an IANA name, such as Europe/Berlin or UTC`,
    { field: "timeZone" },
  );
}

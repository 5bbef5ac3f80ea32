import { HoldfastError } from "@holdfast/contracts";

/** A position in the events of a queue or partition. */
export interface EventPlace {
  /** Identifies the stream in which the position is: the time at which the queue began to keep events. */
  readonly life: string;
  /** The number of the first event of a stream entry. */
  readonly first: number;
  /** How many events of that entry are before the position. */
  readonly skip: number;
}

/** The cursor that begins with the oldest events that are kept. */
export const OLDEST = "0";

const PART = /^([0-9a-z]+)\.([0-9a-z]+)(?:\.([0-9a-z]+))?$/;

function placeText({ life, first, skip }: EventPlace): string {
  const text = `${Number(life).toString(36)}.${first.toString(36)}`;
  return skip === 0 ? text : `${text}.${skip.toString(36)}`;
}

/** Joins the positions of all partitions into a cursor. null: nothing of the partition was read. */
export function cursorText(places: readonly (EventPlace | null)[]): string {
  return places.map((place) => (place === null ? OLDEST : placeText(place))).join("~");
}

/**
 * Parses the positions of a cursor. Partitions that were added since then begin with their oldest events.
 * @throws HoldfastError invalid_cursor
 */
export function placesOf(cursor: string, parts: number): (EventPlace | null)[] {
  const texts = cursor.split("~");
  const places = texts.map((text) => {
    if (text === OLDEST) return null;
    const [, life = "", first = "", skip = "0"] = PART.exec(text) ?? invalid(cursor);
    const place = { life: String(parseInt(life, 36)), first: parseInt(first, 36), skip: parseInt(skip, 36) };
    if (!Number.isSafeInteger(place.first + place.skip) || !Number.isSafeInteger(Number(place.life)))
      invalid(cursor);
    return place;
  });
  if (places.length > parts) invalid(cursor);
  while (places.length < parts) places.push(null);
  return places;
}

function invalid(cursor: string): never {
  throw new HoldfastError(
    "invalid_cursor",
    `after: "${cursor.slice(0, 64)}" is not a cursor of the events of this queue: use the cursor of an event, "${OLDEST}" for the oldest events that are kept, or leave it out to read only new events`,
    { field: "after" },
  );
}

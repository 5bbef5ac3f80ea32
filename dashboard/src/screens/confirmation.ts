/** Above this many tasks a click is not enough. */
const TYPED_ABOVE = 100;

/**
 * How much it takes to do something follows from what a wrong click would cost. What touches one task and can be taken
 * back is done at once; what touches several is asked for in a dialog; above 100 tasks their number has to be typed. What
 * is gone for good, such as a queue or a schedule, asks for its name instead, whatever its size.
 * @returns what has to be typed; null where a click is enough
 */
export function confirmationPhrase(
  verb: "replay" | "discard" | "cancel" | "burst",
  size: number,
): string | null {
  return size > TYPED_ABOVE ? `${verb} ${size}` : null;
}

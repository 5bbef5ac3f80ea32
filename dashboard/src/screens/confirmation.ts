/** Above this many tasks, their number has to be typed. */
const TYPED_ABOVE = 100;

/**
 * The confirmation depends on the cost of a wrong click. An action on one task needs none if it can be undone. An action
 * on several tasks asks in a dialog, where the user types the number above 100 tasks, and the name of a queue or schedule
 * that is removed for good.
 * @returns the text that has to be typed; null if a click is enough
 */
export function confirmationPhrase(
  verb: "replay" | "discard" | "cancel" | "run" | "burst",
  size: number,
): string | null {
  return size > TYPED_ABOVE ? `${verb} ${size}` : null;
}

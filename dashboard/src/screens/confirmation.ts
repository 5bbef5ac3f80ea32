/** Above this many tasks a click is not enough. */
const TYPED_ABOVE = 100;

/**
 * The confirmation that an action needs depends on the cost of a wrong click. An action on one task that can be undone
 * is done at once. An action on several tasks asks in a dialog, and above 100 tasks their number has to be typed. To
 * remove something for good, such as a queue or a schedule, its name has to be typed.
 * @returns the text that has to be typed; null if a click is enough
 */
export function confirmationPhrase(
  verb: "replay" | "discard" | "cancel" | "burst",
  size: number,
): string | null {
  return size > TYPED_ABOVE ? `${verb} ${size}` : null;
}

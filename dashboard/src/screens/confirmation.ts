/** If more tasks than this are selected, the user has to type their number. */
const TYPED_ABOVE = 100;

/**
 * How an action is confirmed depends on what a wrong click would cost. An action on one task that can be undone needs
 * no confirmation. An action on several tasks asks in a dialog. For more than 100 tasks, the user has to type their
 * number there. To remove a queue or schedule for good, the user has to type its name.
 * @returns the text that has to be typed; null if a click is enough
 */
export function confirmationPhrase(
  verb: "replay" | "discard" | "cancel" | "run" | "burst",
  size: number,
): string | null {
  return size > TYPED_ABOVE ? `${verb} ${size}` : null;
}

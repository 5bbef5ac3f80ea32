/** Above this many a click is not enough. */
export const TYPED_ABOVE = 100;

/** What has to be typed first: nothing for a small replay, always something for a discard. */
export function confirmationPhrase(verb: "replay" | "discard", size: number): string | null {
  return verb === "discard" || size > TYPED_ABOVE ? `${verb} ${size}` : null;
}

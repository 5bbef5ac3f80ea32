import { useSyncExternalStore } from "react";

const query = () => (typeof matchMedia === "function" ? matchMedia("(max-width: 48rem)") : null);

/**
 * Whether the screen is so narrow that screens.css shows lists as cards, whose rows have another height. Both files
 * use the same width.
 */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (onChange) => {
      const media = query();
      media?.addEventListener("change", onChange);
      return () => media?.removeEventListener("change", onChange);
    },
    () => query()?.matches ?? false,
  );
}

import { useSyncExternalStore } from "react";

const query = () => (typeof matchMedia === "function" ? matchMedia("(max-width: 48rem)") : null);

/** Whether screens.css shows lists as cards, whose rows have another height. Both files use the same width for this. */
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

import { useSyncExternalStore } from "react";

const query = () => (typeof matchMedia === "function" ? matchMedia("(max-width: 48rem)") : null);

/** Whether screens.css shows lists as cards, which have another row height. The width is the same in both files. */
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

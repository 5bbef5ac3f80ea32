import { useSyncExternalStore } from "react";

const query = () => (typeof matchMedia === "function" ? matchMedia("(max-width: 48rem)") : null);

/**
 * Whether lists are shown as cards, because virtual rows need to know their height. The width is the same as in
 * screens.css.
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

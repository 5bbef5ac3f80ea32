import { useEffect } from "react";

const OWN_CLICK =
  "a, button, input, label, select, textarea, summary, pre, [role=dialog], [role=alertdialog]";

/**
 * A click anywhere in a row opens what its main link opens, which has `data-row-link`. Controls in the row keep their
 * own clicks. A row whose text is being selected stays as it is.
 */
export function useRowClick(): void {
  useEffect(() => {
    const onClick = (event: MouseEvent) => {
      if (event.defaultPrevented || !(event.target instanceof Element)) return;
      if (event.target.closest(OWN_CLICK) !== null || document.getSelection()?.isCollapsed === false) return;
      const { ctrlKey, metaKey, shiftKey } = event;
      event.target
        .closest("[role=row]")
        ?.querySelector("a[data-row-link]")
        ?.dispatchEvent(
          new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }),
        );
    };
    document.addEventListener("click", onClick);
    return () => document.removeEventListener("click", onClick);
  }, []);
}

import { useEffect } from "react";

const OWN_CLICK =
  "a, button, input, label, select, textarea, summary, pre, [role=dialog], [role=alertdialog]";

/**
 * Makes a click anywhere in a row follow its main link, which has `data-row-link`. Clicks on controls in the row, and
 * clicks that end a text selection, keep their usual effect.
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

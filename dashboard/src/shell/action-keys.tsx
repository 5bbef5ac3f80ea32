import { t } from "@lingui/core/macro";
import { useEffect, useRef, useState } from "react";
import { takesText } from "./use-shortcuts.ts";

const CONTROLS =
  "button, a[href], input, select, textarea, summary, [role=button], [tabindex='0']:not([role=row])";
/** The letters for the controls, in the order in which they are used. Letters that are easy to type come first. */
const LETTERS = "fjdkslaghrueiwoqptycvbnmxz";

interface Target {
  letters: string;
  control: HTMLElement;
  /** The visible part of the control, because a checkbox is hidden behind its label. */
  seen: HTMLElement;
}

/**
 * Shows letters on every visible control. If the user types the letters of a control, it is pressed, or focused if it
 * takes text. So every action needs only two or three keys.
 */
export function ActionKeys({ onClose }: { onClose(): void }) {
  const [{ targets, typed }, setState] = useState(() => ({ targets: findTargets(), typed: "" }));
  const latest = useRef({ targets, typed, onClose });
  latest.current = { targets, typed, onClose };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { targets, typed, onClose } = latest.current;
      if (event.ctrlKey || event.metaKey || event.altKey) return onClose();
      // Other keys, such as the arrows, still scroll the page.
      if (event.key.length > 1 && event.key !== "Escape" && event.key !== "Backspace") return;
      event.preventDefault();
      event.stopPropagation();
      const now = event.key === "Backspace" ? typed.slice(0, -1) : typed + event.key.toLowerCase();
      const matching = targets.filter(({ letters }) => letters.startsWith(now));
      if (event.key === "Escape" || matching.length === 0) return onClose();
      const [only] = matching;
      if (matching.length > 1 || only?.letters !== now) return setState({ targets, typed: now });
      onClose();
      press(only.control);
    };
    // After scrolling, other controls are visible.
    const findAgain = () => setState({ targets: findTargets(), typed: "" });
    document.addEventListener("keydown", onKeyDown, true);
    document.addEventListener("scroll", findAgain, true);
    window.addEventListener("resize", findAgain);
    return () => {
      document.removeEventListener("keydown", onKeyDown, true);
      document.removeEventListener("scroll", findAgain, true);
      window.removeEventListener("resize", findAgain);
    };
  }, []);

  return (
    <>
      <p className="action-keys" role="status">
        {t`Type the letters of a control to press it. Esc hides the letters.`}
      </p>
      <div aria-hidden="true">
        {targets.map(({ letters, seen }) => {
          const { left, top } = seen.getBoundingClientRect();
          if (!letters.startsWith(typed) || !seen.isConnected) return null;
          return (
            <kbd key={letters} className="action-key" style={{ left, top }}>
              {letters.slice(typed.length).toUpperCase()}
            </kbd>
          );
        })}
      </div>
    </>
  );
}

function findTargets(): Target[] {
  const targets = [...document.querySelectorAll<HTMLElement>(CONTROLS)]
    .map((control) => ({ control, seen: control.closest("label") ?? control }))
    .filter(({ seen }) => canBeSeen(seen));
  // The controls of the screen come before those of the frame around it, so they get the first letters.
  const isOnScreen = ({ control }: { control: HTMLElement }) => control.closest("main") !== null;
  const letters = lettersOf(targets.length);
  return [...targets.filter(isOnScreen), ...targets.filter((target) => !isOnScreen(target))].map(
    (target, index) => ({ ...target, letters: letters[index] ?? "" }),
  );
}

/** Whether the middle of an element is inside the window and not covered by another element. */
function canBeSeen(element: HTMLElement): boolean {
  const [box] = element.getClientRects();
  if (box === undefined) return false;
  const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return there !== null && element.contains(there);
}

/**
 * Returns this many different combinations of letters. All have the same length, so no combination is the beginning
 * of another one.
 */
function lettersOf(count: number): string[] {
  let texts: string[] = [""];
  while (texts.length < count) texts = texts.flatMap((text) => [...LETTERS].map((letter) => text + letter));
  return texts.slice(0, count);
}

function press(control: HTMLElement): void {
  control.scrollIntoView({ block: "nearest" });
  control.focus();
  if (!takesText(control) && control.getAttribute("aria-disabled") !== "true") control.click();
}

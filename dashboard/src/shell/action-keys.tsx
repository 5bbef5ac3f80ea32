import { t } from "@lingui/core/macro";
import { useEffect, useReducer, useRef, useState } from "react";

const CONTROLS =
  "button, a[href], input, select, textarea, summary, [role=button], [role=row][tabindex], [tabindex='0']";
/** The letters in the order in which they are given out. Those under the fingers come first. */
const LETTERS = "fjdkslaghrueiwoqptycvbnmxz";

interface Target {
  letters: string;
  control: HTMLElement;
  /** The part of the control that can be seen: a checkbox is hidden behind its label. */
  seen: HTMLElement;
}

/**
 * Shows letters on everything that can be pressed or filled in. Who types the letters of a control presses it, or
 * focuses it if it takes text. So two or three keys reach every action of a screen.
 */
export function ActionKeys({ onClose }: { onClose(): void }) {
  const [targets] = useState(findTargets);
  const [typed, setTyped] = useState("");
  const latest = useRef({ typed, onClose });
  latest.current = { typed, onClose };
  const [, measureAgain] = useReducer((n: number) => n + 1, 0);

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { typed, onClose } = latest.current;
      if (event.ctrlKey || event.metaKey || event.altKey) return onClose();
      // Arrows and the like still scroll the page.
      if (event.key.length > 1 && event.key !== "Escape" && event.key !== "Backspace") return;
      event.preventDefault();
      event.stopPropagation();
      const now = event.key === "Backspace" ? typed.slice(0, -1) : typed + event.key.toLowerCase();
      const matching = targets.filter(({ letters }) => letters.startsWith(now));
      if (event.key === "Escape" || matching.length === 0) return onClose();
      const [only] = matching;
      if (matching.length > 1 || only?.letters !== now) return setTyped(now);
      onClose();
      press(only.control);
    };
    document.addEventListener("keydown", onKeyDown, true);
    document.addEventListener("scroll", measureAgain, true);
    window.addEventListener("resize", measureAgain);
    return () => {
      document.removeEventListener("keydown", onKeyDown, true);
      document.removeEventListener("scroll", measureAgain, true);
      window.removeEventListener("resize", measureAgain);
    };
  }, [targets]);

  return (
    <>
      <p className="action-keys" role="status">
        {t`Type the letters of a control to press it. Esc ends this.`}
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
  const controls = [...document.querySelectorAll<HTMLElement>(CONTROLS)].filter(
    (control) => control.closest("[inert], .skip") === null && control.getClientRects().length > 0,
  );
  // The screen comes before the frame around it, so that its controls get the first letters.
  const onScreen = controls.filter((control) => control.closest("main") !== null);
  const around = controls.filter((control) => control.closest("main") === null);
  const letters = lettersOf(controls.length);
  return [...onScreen, ...around].map((control, index) => ({
    letters: letters[index] ?? "",
    control,
    seen: control.closest("label") ?? control,
  }));
}

/** Returns so many different texts of letters. All have the same length, so none is the beginning of another. */
function lettersOf(count: number): string[] {
  let texts: string[] = [""];
  while (texts.length < count) texts = texts.flatMap((text) => [...LETTERS].map((letter) => text + letter));
  return texts.slice(0, count);
}

function press(control: HTMLElement): void {
  control.scrollIntoView({ block: "nearest" });
  control.focus();
  const takesText =
    control.matches("select, textarea") ||
    (control instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(control.type));
  if (!takesText && control.getAttribute("aria-disabled") !== "true") control.click();
}

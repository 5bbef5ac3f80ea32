import { t } from "@lingui/core/macro";
import { useNavigate, useParams, useRouter } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { neighboursOf } from "../screens/tasks/seen-list.ts";
import { currentList } from "./list-keys.ts";

/** The screens that the user opens with `g` and a second key. The help sheet and the palette use this table too. */
export const GO_KEYS = {
  q: { text: () => t`Queues: the overview`, to: "/" },
  f: { text: () => t`All tasks: find with a query`, to: "/tasks" },
  e: { text: () => t`Errors`, to: "/errors" },
  r: { text: () => t`Alerts`, to: "/alerts" },
  o: { text: () => t`Operations`, to: "/operations" },
  s: { text: () => t`Schedules`, to: "/schedules" },
  w: { text: () => t`Workers`, to: "/workers" },
  a: { text: () => t`Audit`, to: "/audit" },
  l: { text: () => t`Load`, to: "/load" },
  t: { text: () => t`Tasks of this queue`, to: "/queues/$queue/tasks" },
  d: { text: () => t`Dead letters of this queue`, to: "/queues/$queue/dead-letters" },
} as const;

/** How soon the second key has to follow after `g`, ms. If it comes later, it has its usual effect. */
const SEQUENCE_MS = 1_200;

const IS_MAC = /^(Mac|iP)/.test(navigator.platform);

/** Whether the focused element handles keys itself: letters are text in a field, and a dialog has its own keys. */
function takesKeys(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("[role=dialog], [role=alertdialog], .cm-editor") !== null)
    return true;
  return takesText(target);
}

/** Whether letters change the value of this control, so they cannot be commands. */
export function takesText(control: HTMLElement): boolean {
  if (control instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(control.type);
  return control instanceof HTMLTextAreaElement || control instanceof HTMLSelectElement;
}

interface ShortcutOptions {
  onPalette(): void;
  onHelp(): void;
  /** Shows letters on every control, by which the user can press it. */
  onActionKeys(): void;
  /** Whether a palette or sheet is open. It handles every key except Ctrl-K. */
  isOff: boolean;
}

export function useShortcuts({ onPalette, onHelp, onActionKeys, isOff }: ShortcutOptions): void {
  const navigate = useNavigate();
  const { history } = useRouter();
  const { queue, id } = useParams({ strict: false });
  const latest = useRef({ onPalette, onHelp, onActionKeys, isOff, queue, id });
  latest.current = { onPalette, onHelp, onActionKeys, isOff, queue, id };

  useEffect(() => {
    let goAt = 0;
    const go = (key: string): boolean => {
      const found = Object.entries(GO_KEYS).find(([letter]) => letter === key)?.[1];
      if (found === undefined) return false;
      const { queue } = latest.current;
      if (!found.to.includes("$queue")) void navigate({ to: found.to });
      else if (queue !== undefined) void navigate({ to: found.to, params: { queue } });
      return true;
    };
    const single: Record<string, () => void> = {
      "?": () => latest.current.onHelp(),
      f: () => latest.current.onActionKeys(),
      "/": () => {
        const field = document.querySelector<HTMLElement>("[data-search]");
        // If the screen has no search field, the palette opens.
        if (field === null) latest.current.onPalette();
        else field.focus();
      },
      j: () => currentList()?.move(1),
      k: () => currentList()?.move(-1),
      x: () => currentList()?.toggle(),
      g: () => {
        goAt = Date.now();
      },
      q: () => {
        const { queue, id } = latest.current;
        if (queue === undefined || id === undefined) {
          void navigate({ to: "/" });
          return;
        }
        const seen = neighboursOf(queue, id);
        if (seen !== null) history.push(seen.list.href);
        else void navigate({ to: "/queues/$queue/tasks", params: { queue } });
      },
    };
    const onKeyDown = (event: KeyboardEvent) => {
      // On a Mac, Ctrl-K in a field deletes the rest of the line, so it does not open the palette.
      const isPaletteKey = event.metaKey || (event.ctrlKey && !(IS_MAC && takesKeys(event.target)));
      if (isPaletteKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.onPalette();
        return;
      }
      if (latest.current.isOff || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target))
        return;
      const going = Date.now() - goAt < SEQUENCE_MS;
      goAt = 0;
      if (going && go(event.key)) {
        event.preventDefault();
        return;
      }
      const act = single[event.key];
      if (act === undefined) {
        if (currentList()?.press?.(event.key)) event.preventDefault();
        return;
      }
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [navigate, history]);
}

import { t } from "@lingui/core/macro";
import { Monitor, Moon, Sun } from "lucide-react";
import { useSyncExternalStore } from "react";
import { readPreference, writePreference } from "../preferences.ts";
import { Segments } from "./segments.tsx";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const listeners = new Set<() => void>();

export function setTheme(next: Theme): void {
  writePreference("theme", next);
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function ThemeChoice() {
  const theme = useSyncExternalStore(subscribe, () => readPreference("theme", THEMES, "system"));
  return (
    <Segments
      label={t`Theme`}
      value={theme}
      onChange={setTheme}
      options={[
        { value: "system", text: t`System theme`, icon: Monitor, iconOnly: true },
        { value: "light", text: t`Light theme`, icon: Sun, iconOnly: true },
        { value: "dark", text: t`Dark theme`, icon: Moon, iconOnly: true },
      ]}
    />
  );
}

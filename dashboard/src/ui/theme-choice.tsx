import { Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";
import { readPreference, writePreference } from "../preferences.ts";
import { Segments } from "./segments.tsx";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

export function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(() => readPreference("theme", THEMES, "system"));
  const choose = (next: Theme) => {
    setTheme(next);
    writePreference("theme", next);
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
  };
  return (
    <Segments
      label="Theme"
      value={theme}
      onChange={choose}
      options={[
        { value: "system", text: "System theme", icon: Monitor, iconOnly: true },
        { value: "light", text: "Light theme", icon: Sun, iconOnly: true },
        { value: "dark", text: "Dark theme", icon: Moon, iconOnly: true },
      ]}
    />
  );
}

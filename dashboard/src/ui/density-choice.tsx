import { t } from "@lingui/core/macro";
import { Rows2, Rows4 } from "lucide-react";
import { useSyncExternalStore } from "react";
import { readPreference, writePreference } from "../preferences.ts";
import { Segments } from "./segments.tsx";

const DENSITIES = ["compact", "comfortable"] as const;
export type Density = (typeof DENSITIES)[number];

/** The height of a list row, px. It has to be the same as `--row` in tokens.css. */
const ROW_HEIGHT: Record<Density, number> = { compact: 34, comfortable: 44 };

const listeners = new Set<() => void>();

export function setDensity(next: Density): void {
  writePreference("density", next);
  if (next === "compact") delete document.documentElement.dataset.density;
  else document.documentElement.dataset.density = next;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

const useDensity = (): Density =>
  useSyncExternalStore(subscribe, () => readPreference("density", DENSITIES, "compact"));

export const useRowHeight = (): number => ROW_HEIGHT[useDensity()];

export function DensityChoice() {
  return (
    <Segments
      label={t`Density`}
      value={useDensity()}
      onChange={setDensity}
      options={[
        { value: "compact", text: t`Compact rows`, icon: Rows4, iconOnly: true },
        { value: "comfortable", text: t`Comfortable rows`, icon: Rows2, iconOnly: true },
      ]}
    />
  );
}

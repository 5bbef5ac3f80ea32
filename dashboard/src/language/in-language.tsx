import { Fragment, type ReactNode, useSyncExternalStore } from "react";
import { currentLanguage, watchLanguage } from "./texts.tsx";

/** Draws everything in it anew when the language changes. So a component reads a text wherever it needs it. */
export function InLanguage({ children }: { children: ReactNode }) {
  return <Fragment key={useSyncExternalStore(watchLanguage, currentLanguage)}>{children}</Fragment>;
}

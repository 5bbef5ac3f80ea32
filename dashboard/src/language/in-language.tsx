import { Fragment, type ReactNode, useSyncExternalStore } from "react";
import { currentLanguage, watchLanguage } from "./texts.tsx";

/** Renders its children again when the language changes. So a component can read a text anywhere, without a hook. */
export function InLanguage({ children }: { children: ReactNode }) {
  return <Fragment key={useSyncExternalStore(watchLanguage, currentLanguage)}>{children}</Fragment>;
}

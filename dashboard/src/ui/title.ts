import { useEffect } from "react";

/** Returns the title of the tab: the screen, the worst problem, and the environment. */
export function titleOf(screen: string, trouble: string | null, environment: string | null): string {
  const where = environment === null || environment === "" ? "Holdfast" : `Holdfast ${environment}`;
  return `${screen}${trouble === null ? "" : `: ${trouble}`} · ${where}`;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

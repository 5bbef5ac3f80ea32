import { type ComponentType, type ReactNode, useEffect, useSyncExternalStore } from "react";
import { PartAway } from "./part-away.tsx";

type State<Props> =
  | { phase: "none" | "loading" | "failed" }
  | { phase: "ready"; Component: ComponentType<Props> };

export interface LazyPart<Props> {
  (props: Props): ReactNode;
  /** Loads the code. The router waits for this promise. It never rejects, because the part itself shows a failure. */
  preload(): Promise<void>;
}

/**
 * Returns a component whose code is loaded when it is first shown. If the server cannot be reached or has a newer
 * version, a message is shown in place of the component, and the load is tried again. The page around it is not
 * reloaded.
 * @param what returns the name of the part, for the message
 * @param Place shown while the part loads. A screen needs none, because the previous screen stays until then
 */
export function lazyPart<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  what: () => string,
  Place?: ComponentType<Props>,
): LazyPart<Props> {
  let state: State<Props> = { phase: "none" };
  let loading: Promise<void> | undefined;
  const watchers = new Set<() => void>();
  const show = (next: State<Props>) => {
    state = next;
    for (const watcher of watchers) watcher();
  };
  const preload = (): Promise<void> => {
    if (state.phase === "ready") return Promise.resolve();
    loading ??= load()
      .then(
        (Component) => show({ phase: "ready", Component }),
        () => show({ phase: "failed" }),
      )
      .finally(() => {
        loading = undefined;
      });
    if (state.phase === "none") show({ phase: "loading" });
    return loading;
  };
  const subscribe = (watcher: () => void) => {
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
    };
  };
  function Part(props: Props): ReactNode {
    const now = useSyncExternalStore(subscribe, () => state);
    useEffect(() => {
      if (now.phase === "none") void preload();
    }, [now.phase]);
    if (now.phase === "ready") return <now.Component {...props} />;
    if (now.phase === "failed") return <PartAway what={what()} retry={preload} page={Place === undefined} />;
    return Place === undefined ? null : <Place {...props} />;
  }
  return Object.assign(Part, { preload });
}

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` when the signal is aborted. All callers share one listener of the signal, because Node prints a
 * warning if a signal has more than ten.
 * @returns a function that ends this
 */
export function whenAborted(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  let callbacks = waiting.get(signal);
  if (callbacks === undefined) {
    const all = new Set<() => void>();
    callbacks = all;
    waiting.set(signal, all);
    const onAbort = () => {
      for (const each of [...all]) each();
    };
    signal.addEventListener("abort", onAbort, { once: true });
  }
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

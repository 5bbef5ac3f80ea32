const NOW = Promise.resolve();

/**
 * Runs a function after the current code, as `queueMicrotask` does. But `queueMicrotask` makes an AsyncResource for
 * each call, and adds three frames of Node to the stack of every error in a handler that starts in it.
 */
export function soon(run: () => void): void {
  void NOW.then(run);
}

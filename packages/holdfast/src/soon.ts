const NOW = Promise.resolve();

/**
 * Runs a function after the current code, like `queueMicrotask`. But `queueMicrotask` creates an AsyncResource for each
 * call, and adds three lines of Node to the stack of every error in a handler.
 */
export function soon(run: () => void): void {
  void NOW.then(run);
}

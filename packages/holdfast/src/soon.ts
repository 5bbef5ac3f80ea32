const NOW = Promise.resolve();

/**
 * Runs a function after the code that runs now, as `queueMicrotask` does. But `queueMicrotask` makes an AsyncResource
 * for each call, and puts three frames of Node under the stack of every error of a handler that is begun in it.
 */
export function soon(run: () => void): void {
  void NOW.then(run);
}

const NOW = Promise.resolve();

/**
 * Runs it when the code that runs now is done, as `queueMicrotask` does. That one makes an AsyncResource for each call, and
 * puts three frames of Node under the stack of every error of a handler that is begun so.
 */
export function soon(run: () => void): void {
  void NOW.then(run);
}

const { then } = Promise.prototype;

/** Values such as query builders are awaited as `await` would do, whatever their class is. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/**
 * Calls back with the outcome of a value. It does not call the `then` of a promise itself, which a handler may have
 * replaced.
 */
export function whenSettled(
  value: PromiseLike<unknown>,
  onResult: (result: unknown) => void,
  onError: (error: unknown) => void,
): void {
  then.call(Promise.resolve(value), onResult, onError);
}

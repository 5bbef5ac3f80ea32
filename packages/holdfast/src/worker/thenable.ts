const { then } = Promise.prototype;

/** Returns whether `await` would wait for the value: any object with a `then` method, such as a query builder. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** Calls back with the outcome, by the built-in `then`: a handler may have replaced that of its promise. */
export function whenSettled(
  value: PromiseLike<unknown>,
  onResult: (result: unknown) => void,
  onError: (error: unknown) => void,
): void {
  then.call(Promise.resolve(value), onResult, onError);
}

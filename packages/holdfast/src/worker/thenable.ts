const { then } = Promise.prototype;

/** Query builders and the like are awaited as `await` would, whatever class they are of. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** Calls back with what came of it. It does not call its own `then`, which a handler may have replaced. */
export function whenSettled(
  value: PromiseLike<unknown>,
  onResult: (result: unknown) => void,
  onError: (error: unknown) => void,
): void {
  then.call(Promise.resolve(value), onResult, onError);
}

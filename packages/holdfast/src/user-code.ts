import { HoldfastError } from "@holdfast/contracts";
import { readThrown } from "./worker/thrown.ts";

/**
 * Turns a value that user code threw into a HoldfastError. `who` is the subject of its message, such as "a listener of
 * the worker".
 */
export function thrownBy(who: string, thrown: unknown): HoldfastError {
  const { name, message, text } = readThrown(thrown);
  return new HoldfastError("internal", `${who} threw: ${text ?? `${name}: ${message}`}`, { cause: thrown });
}

/** Calls a hook of a user. If it throws, or rejects later, only `onError` gets the error. */
export function callHook<T>(call: () => T, onError: (thrown: unknown) => void): T | undefined {
  try {
    const returned = call();
    // Nobody waits for an `async` hook, and an unhandled rejection would end the process.
    if (returned instanceof Promise) returned.catch(onError);
    return returned;
  } catch (error) {
    onError(error);
    return undefined;
  }
}

const warned = new Set<string>();
const WARNINGS = 100;

/** Reports an error for which there may be no listener. Node prints each text once, and the process continues. */
export function warn({ message }: Error): void {
  if (warned.has(message) || warned.size === WARNINGS) return;
  warned.add(message);
  process.emitWarning(message, { type: "HoldfastWarning" });
}

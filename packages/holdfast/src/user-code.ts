import { HoldfastError } from "@holdfast/contracts";
import { readThrown } from "./worker/thrown.ts";

/** Turns what user code threw into a HoldfastError about `who`, such as "a listener of the worker". */
export function thrownBy(who: string, thrown: unknown): HoldfastError {
  const { name, message, text } = readThrown(thrown);
  return new HoldfastError("internal", `${who} threw: ${text ?? `${name}: ${message}`}`, { cause: thrown });
}

/** Calls a hook of the user. If it throws, or rejects later, only `onError` gets the error. */
export function callHook<T>(call: () => T, onError: (thrown: unknown) => void): T | undefined {
  try {
    const returned = call();
    // Nobody awaits an `async` hook, so its rejection would otherwise end the process.
    if (returned instanceof Promise) returned.catch(onError);
    return returned;
  } catch (error) {
    onError(error);
    return undefined;
  }
}

const warned = new Set<string>();
const WARNINGS = 100;

/** Prints a warning about an error for which there may be no listener. Each text is printed once. */
export function warn({ message }: Error): void {
  if (warned.has(message) || warned.size === WARNINGS) return;
  warned.add(message);
  process.emitWarning(message, { type: "HoldfastWarning" });
}

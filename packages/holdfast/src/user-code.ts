import { captureRejectionSymbol, EventEmitter } from "node:events";
import { HoldfastError } from "@holdfast/contracts";
import { readThrown } from "./worker/thrown.ts";

/**
 * A value that user code threw, as a HoldfastError. `who` is the subject of the sentence, such as "a listener of the
 * worker".
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

/** Reports an error for which there may be no listener. Node prints each text once, and the process goes on. */
export function warn({ message }: Error): void {
  if (warned.has(message) || warned.size === WARNINGS) return;
  warned.add(message);
  process.emitWarning(message, { type: "HoldfastWarning" });
}

class Emitter extends EventEmitter {
  readonly #name: string;

  constructor(name: string) {
    super({ captureRejections: true });
    this.#name = name;
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "error" && this.listenerCount("error") === 0) return false;
    try {
      return super.emit(event, ...args);
    } catch (error) {
      this.#listenerThrew(error, event);
      return true;
    }
  }

  override [captureRejectionSymbol](error: unknown, event: string | symbol): void {
    this.#listenerThrew(error, event);
  }

  #listenerThrew(thrown: unknown, event: string | symbol): void {
    const error = thrownBy(`a listener of ${this.#name}`, thrown);
    if (event === "error") warn(error);
    else this.emit("error", error);
  }
}

/**
 * An emitter whose listeners cannot harm it. If a listener throws or rejects, that becomes an `error` event. If a
 * listener of `error` does so, that becomes a warning of the process. An `error` event without a listener does not end
 * the process. The parameter is the subject of these messages, such as "the worker".
 */
// The types of Node do not let a class with type parameters override `emit`.
export const SafeEmitter = Emitter as unknown as new <Events extends Record<keyof Events, unknown[]>>(
  name: string,
) => EventEmitter<Events>;

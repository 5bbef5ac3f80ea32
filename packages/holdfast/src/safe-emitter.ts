import { captureRejectionSymbol, EventEmitter } from "node:events";
import { thrownBy, warn } from "./user-code.ts";

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

/** With these signatures, the compiler error for a misspelt event lists the events. */
interface Listening<Events extends Record<keyof Events, unknown[]>> {
  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this;
  once<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this;
}

/**
 * An event emitter whose listeners cannot harm it. If a listener throws or rejects, an `error` event is emitted. If a
 * listener of `error` throws or rejects, Node prints a warning. Without a listener for `error`, the process does not
 * end. The parameter `name` is the subject in these messages, such as "the worker".
 */
// The types of Node do not allow a class with type parameters to override `emit`.
export const SafeEmitter = Emitter as unknown as new <Events extends Record<keyof Events, unknown[]>>(
  name: string,
) => EventEmitter<Events> & Listening<Events>;

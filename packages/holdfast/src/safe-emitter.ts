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

/** With these signatures, the message of the compiler about a mistyped event lists the events that there are. */
interface Listening<Events extends Record<keyof Events, unknown[]>> {
  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this;
  once<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this;
}

/**
 * An emitter whose listeners cannot harm it. If a listener throws or rejects, that becomes an `error` event. If a
 * listener of `error` does so, that becomes a warning of the process. An `error` event without a listener does not end
 * the process. The parameter is the subject of these messages, such as "the worker".
 */
// The types of Node do not let a class with type parameters override `emit`.
export const SafeEmitter = Emitter as unknown as new <Events extends Record<keyof Events, unknown[]>>(
  name: string,
) => EventEmitter<Events> & Listening<Events>;

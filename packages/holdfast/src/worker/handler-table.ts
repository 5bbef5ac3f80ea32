import { isPrefix } from "../engine/type-rules.ts";
import type { Handler, Handlers } from "./handler.ts";

/** One entry of the handlers of a worker. */
export interface HandlerEntry {
  /** A task type, a prefix such as `email.*`, or `*`. */
  readonly rule: string;
  /** Its place among the rules, by which the registry names what runs. */
  readonly index: number;
  readonly handler: Handler;
}

/** The handlers of a worker, by type. The most exact entry runs a task: its type, otherwise the longest prefix. */
export class HandlerTable {
  /** In the order of their names. */
  readonly rules: readonly string[];
  readonly #exact = new Map<string, HandlerEntry>();
  /** The longest first. */
  readonly #prefixes: { prefix: string; entry: HandlerEntry }[] = [];

  /** @param handlers as `checkHandlers` accepts them */
  constructor(handlers: Handlers) {
    this.rules = Object.keys(handlers).sort();
    for (const [index, rule] of this.rules.entries()) {
      const entry = { rule, index, handler: handlers[rule] as Handler };
      if (isPrefix(rule)) this.#prefixes.push({ prefix: rule.slice(0, -1), entry });
      else this.#exact.set(rule, entry);
    }
    this.#prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  find(type: string): HandlerEntry | undefined {
    return this.#exact.get(type) ?? this.#prefixes.find(({ prefix }) => type.startsWith(prefix))?.entry;
  }

  /** The rules for the engine, with a space before each (lua/lib/routes.lua). */
  get told(): string {
    return this.rules.map((rule) => ` ${rule}`).join("") || " ";
  }
}

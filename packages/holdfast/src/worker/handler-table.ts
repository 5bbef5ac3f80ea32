import { isPrefix } from "../engine/type-rules.ts";
import { batchSettings } from "./batch.ts";
import type { Handler, HandlerOptions, Handlers } from "./handler.ts";
import { entryOf, type HandlerDefaults, type HandlerEntry } from "./handler-entry.ts";
import { type PrefixEntry, rulesWithLimits, type ToldRules, termsText } from "./told-rules.ts";

const nothing = () => {};

/** The handlers of a worker, by type. The most exact entry runs a task: its type, otherwise the longest prefix. */
export class HandlerTable {
  /** The rules in alphabetical order. */
  readonly rules: readonly string[];
  /** The types with their own maxRetries or timeoutMs, as text for the engine (lua/lib/lease.lua). */
  readonly ownTerms: string;
  readonly hasLimits: boolean;
  readonly hasBatches: boolean;
  /**
   * Whether the only entry runs batches that do not wait. Then the engine need not know how many tasks there is room
   * for, because the calls ask for no more.
   */
  readonly #isOneBatch: boolean;
  readonly #entries: readonly HandlerEntry[];
  readonly #exact = new Map<string, HandlerEntry>();
  /** The entries with a prefix, longest prefix first. */
  readonly #prefixes: PrefixEntry[] = [];
  readonly #told: ToldRules;

  /**
   * @param handlers as `checkHandlers` accepts them
   * @param onRoom called with the rule of an entry that reached its limit and may get tasks again
   * @param slots the slots of the worker
   */
  constructor(
    handlers: Handlers,
    defaults: HandlerDefaults = {},
    onRoom: (rule: string) => void = nothing,
    slots: () => number = () => Number.POSITIVE_INFINITY,
  ) {
    this.rules = Object.keys(handlers).sort();
    this.#entries = this.rules.map((rule, index) =>
      entryOf(rule, index, handlers[rule] as Handler | HandlerOptions, { defaults, onRoom, slots }),
    );
    for (const entry of this.#entries) {
      if (isPrefix(entry.rule)) this.#prefixes.push({ prefix: entry.rule.slice(0, -1), entry });
      else this.#exact.set(entry.rule, entry);
    }
    this.#prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
    this.hasLimits = this.#entries.some(({ limit }) => limit);
    this.hasBatches = this.#entries.some(({ batches }) => batches);
    const [only] = this.rules;
    this.#isOneBatch = this.rules.length === 1 && batchSettings(handlers[only as string])?.waitMs === 0;
    this.#told = {
      text: this.rules.map((rule) => ` ${rule}`).join("") || " ",
      short: [],
      answered: nothing,
    };
    this.ownTerms = termsText(handlers, this.#exact, this.#prefixes);
  }

  find(type: string): HandlerEntry | undefined {
    return this.#exact.get(type) ?? this.#prefixes.find(({ prefix }) => type.startsWith(prefix))?.entry;
  }

  /** Returns how many of `want` tasks a call should ask for, because batches are asked for as a whole. */
  most(want: number): number {
    if (!this.hasBatches || !this.#entries.every(({ batches }) => batches)) return want;
    const room = this.#entries.reduce((sum, { limit }) => sum + (limit?.room ?? 0), 0);
    return Math.min(want, room);
  }

  /**
   * Returns the rules for a call. @param want how many tasks the call asks for; @param tells whether the engine needs
   * the types even if no entry has a limit
   */
  tell(want: number, tells = true): ToldRules {
    if (!this.hasLimits) return this.#told;
    const told = rulesWithLimits(this.#entries, want);
    return this.#isOneBatch && !tells ? { ...told, text: "" } : told;
  }
}

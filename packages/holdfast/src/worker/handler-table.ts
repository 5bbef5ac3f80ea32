import { isPrefix } from "../engine/type-rules.ts";
import { batchSettings } from "./batch.ts";
import type { Handler, HandlerOptions, Handlers } from "./handler.ts";
import { entryOf, type HandlerDefaults, type HandlerEntry } from "./handler-entry.ts";
import { type PrefixEntry, rulesWithLimits, type ToldRules, termsText } from "./told-rules.ts";

const nothing = () => {};

/** The handlers of a worker by task type. Of several matching rules the exact type wins, then the longest prefix. */
export class HandlerTable {
  /** The rules in alphabetical order. */
  readonly rules: readonly string[];
  /** The types for which this worker sets maxRetries or timeoutMs, in the format of lua/lib/lease.lua. */
  readonly ownTerms: string;
  readonly hasLimits: boolean;
  readonly hasBatches: boolean;
  /**
   * True if the worker has one handler, which runs batches without `waitMs`. Then the calls need not tell Redis how
   * much room each type has, because the number of tasks that they ask for is the limit already.
   */
  readonly #isOneBatch: boolean;
  readonly #entries: readonly HandlerEntry[];
  readonly #exact = new Map<string, HandlerEntry>();
  /** The entries with a prefix, longest prefix first. */
  readonly #prefixes: PrefixEntry[] = [];
  readonly #told: ToldRules;

  /**
   * @param handlers checked by `checkHandlers`
   * @param onRoom called with the rule of a handler that was at its limit and may get tasks again
   * @param slots returns the slots of the worker
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

  /** Returns how many tasks a call should ask for, at most `want`. Batch handlers get whole batches only. */
  most(want: number): number {
    if (!this.hasBatches || !this.#entries.every(({ batches }) => batches)) return want;
    const room = this.#entries.reduce((sum, { limit }) => sum + (limit?.room ?? 0), 0);
    return Math.min(want, room);
  }

  /**
   * Returns the task types that a call sends to Redis, with the room of each.
   * @param want how many tasks the call asks for
   * @param tells whether Redis needs the types even if no handler has a limit
   */
  tell(want: number, tells = true): ToldRules {
    if (!this.hasLimits) return this.#told;
    const told = rulesWithLimits(this.#entries, want);
    return this.#isOneBatch && !tells ? { ...told, text: "" } : told;
  }
}

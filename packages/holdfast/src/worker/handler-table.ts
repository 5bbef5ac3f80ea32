import { isPrefix } from "../engine/type-rules.ts";
import { batchSettings } from "./batch.ts";
import type { Handler, HandlerOptions, Handlers } from "./handler.ts";
import { entryOf, type HandlerDefaults, type HandlerEntry } from "./handler-entry.ts";

/** The rules of the worker, in the form in which a call sends them to the engine. */
export interface ToldRules {
  /** The rules, each with a space before it (lua/lib/routes.lua). */
  text: string;
  /** The rules of entries for which the call could not ask for tasks, because of their limits. */
  short: readonly string[];
  /** Called when Redis has answered the call. */
  answered(): void;
}

const nothing = () => {};
const NONE: readonly string[] = [];

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
  readonly #prefixes: { prefix: string; entry: HandlerEntry }[] = [];
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
      short: NONE,
      answered: nothing,
    };
    this.ownTerms = this.#termsText(handlers);
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
    const told = this.#entries.map((entry) => ({ entry, most: entry.limit?.tell(want) }));
    return {
      text:
        this.#isOneBatch && !tells
          ? ""
          : told
              .map(({ entry, most }) => ` ${entry.rule}${most === undefined ? "" : entry.limit?.text(most)}`)
              .join(""),
      short: told.filter(({ most }) => most === 0).map(({ entry }) => entry.rule),
      answered: () => {
        for (const { entry, most } of told) if (most !== undefined) entry.limit?.answered(most);
      },
    };
  }

  /**
   * Writes the terms of each type. An entry without terms of its own is included if a prefix with terms would match it.
   */
  #termsText(handlers: Handlers): string {
    const termsOf = ({ rule }: HandlerEntry) => {
      const given = handlers[rule];
      return typeof given === "object" ? [given.maxRetries, given.timeoutMs] : [];
    };
    const ordered = [...this.#exact.values(), ...this.#prefixes.map(({ entry }) => entry)];
    const hasTerms = (entry: HandlerEntry) => termsOf(entry).some((term) => term !== undefined);
    return ordered
      .filter(
        (entry) =>
          hasTerms(entry) ||
          this.#prefixes.some(({ prefix, entry: other }) => entry.rule.startsWith(prefix) && hasTerms(other)),
      )
      .map((entry) => {
        const [maxRetries = "", timeoutMs = ""] = termsOf(entry);
        return `,${entry.rule}=${maxRetries}:${timeoutMs}`;
      })
      .join("");
  }
}

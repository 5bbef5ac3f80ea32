import type { Handlers } from "./handler.ts";
import type { HandlerEntry } from "./handler-entry.ts";

/** The rules of the worker, in the form in which a call sends them to the engine. */
export interface ToldRules {
  /** The rules, each with a space before it (lua/lib/routes.lua). */
  text: string;
  /** The rules of entries for which the call could not ask for tasks, because of their limits. */
  short: readonly string[];
  /** Called when Redis has answered the call. */
  answered(): void;
}

/** An entry whose rule is a prefix, without the asterisk. */
export interface PrefixEntry {
  prefix: string;
  entry: HandlerEntry;
}

/** Returns the rules with the number of tasks for which each entry has room. @param want how many tasks the call asks for */
export function rulesWithLimits(entries: readonly HandlerEntry[], want: number): ToldRules {
  const told = entries.map((entry) => ({ entry, most: entry.limit?.tell(want) }));
  return {
    text: told
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
export function termsText(
  handlers: Handlers,
  exact: ReadonlyMap<string, HandlerEntry>,
  prefixes: readonly PrefixEntry[],
): string {
  const termsOf = ({ rule }: HandlerEntry) => {
    const given = handlers[rule];
    return typeof given === "object" ? [given.maxRetries, given.timeoutMs] : [];
  };
  const hasTerms = (entry: HandlerEntry) => termsOf(entry).some((term) => term !== undefined);
  return [...exact.values(), ...prefixes.map(({ entry }) => entry)]
    .filter(
      (entry) =>
        hasTerms(entry) ||
        prefixes.some(({ prefix, entry: other }) => entry.rule.startsWith(prefix) && hasTerms(other)),
    )
    .map((entry) => {
      const [maxRetries = "", timeoutMs = ""] = termsOf(entry);
      return `,${entry.rule}=${maxRetries}:${timeoutMs}`;
    })
    .join("");
}

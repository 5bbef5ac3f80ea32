import type { Handlers } from "./handler.ts";
import type { HandlerEntry } from "./handler-entry.ts";

/** The task types of a worker as one of its calls sends them to Redis. */
export interface ToldRules {
  /** The rules, each after a space, such as ` email.* sms.send=3`. lua/lib/routes.lua has the format. */
  text: string;
  /** The rules of handlers that are at their limit. The call asked for none of their tasks. */
  short: readonly string[];
  /** Called when Redis has answered the call. */
  answered(): void;
}

/** A handler for all types with a prefix. The prefix is stored without the `*`. */
export interface PrefixEntry {
  prefix: string;
  entry: HandlerEntry;
}

/** Returns the rules with the room of each handler. @param want how many tasks the call asks for */
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
 * Returns the types for which the worker sets maxRetries or timeoutMs, as text for the scripts. A type without such
 * options is included if a prefix with such options would match it.
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

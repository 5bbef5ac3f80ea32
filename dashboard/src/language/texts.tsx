import type { CompiledMessage } from "@lingui/message-utils/compileMessage";
import { cloneElement, createElement, Fragment, type ReactElement, type ReactNode } from "react";

/** The languages of the dashboard. Each has a file with all of its texts. */
export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

/** A text that was compiled by dev/language.mjs. It is a string if it has no values. */
type Text = string | CompiledMessage;
/** The texts of a language other than English, by their ids. */
export type Texts = Readonly<Record<string | number, Text>>;

let language: Language = "en";
let texts: Texts = {};
const watchers = new Set<() => void>();

export const currentLanguage = (): Language => language;

export function setLanguage(next: Language, all: Texts): void {
  language = next;
  texts = all;
  document.documentElement.lang = next;
  for (const watcher of watchers) watcher();
}

export function watchLanguage(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Returns a function that returns the formatter of the current language. Each formatter is made only once. */
export function perLanguage<T>(make: (language: Language) => T): () => T {
  const made = new Map<Language, T>();
  return () => {
    const known = made.get(language) ?? make(language);
    made.set(language, known);
    return known;
  };
}

const pluralRules = perLanguage((tag) => new Intl.PluralRules(tag));
const numbers = perLanguage((tag) => new Intl.NumberFormat(tag));

/** The form of a text after the macros. */
interface Message {
  id: string | number;
  /** The English text. */
  message: Text;
  values?: Record<string, unknown>;
}

function tokensOf({ id, message }: Message): CompiledMessage {
  const text = texts[id] ?? message;
  return typeof text === "string" ? [text] : text;
}

/**
 * Splits a text into its own words, which are strings, and its values, which are wrapped in objects. A value can come
 * from other people, so nothing in it may be taken for a tag. The runtime of Lingui joins both before it looks for
 * tags, so it is not used.
 */
function* partsOf(
  tokens: CompiledMessage,
  values: Record<string, unknown>,
  number: string,
): Generator<string | { value: unknown }> {
  for (const token of tokens) {
    if (typeof token === "string") {
      yield token === "#" ? number : token;
      continue;
    }
    const [name, , choices] = token;
    const value = values[name];
    if (choices === undefined || choices === null) yield { value };
    else {
      const forms = choices as Record<string, CompiledMessage>;
      const form = forms[String(value)] ?? forms[pluralRules().select(Number(value))] ?? forms.other ?? [];
      yield* partsOf(form, values, numbers().format(Number(value)));
    }
  }
}

/** The macros `t` and `plural` of `@lingui/core/macro` are compiled to calls of this object. */
export const i18n = {
  _(message: Message): string {
    let text = "";
    for (const part of partsOf(tokensOf(message), message.values ?? {}, "#"))
      text += typeof part === "string" ? part : String(part.value ?? "");
    return text;
  },
};

const TAG = /(<\/?\w+\/?>)/;

/**
 * The macros `<Trans>` and `<Plural>` of `@lingui/react/macro` are compiled to this component. `<0>` in a text stands
 * for its first element.
 */
export function Trans(props: Message & { components?: Record<string, ReactElement> }): ReactNode {
  const { values = {}, components = {} } = props;
  const stack: { name: string; children: ReactNode[] }[] = [{ name: "", children: [] }];
  const add = (child: ReactNode) => stack.at(-1)?.children.push(child);
  const close = (name: string, children: ReactNode[] | null) => {
    const element = components[name];
    if (element === undefined) return add(children);
    // A `<0/>` without content keeps the children that the element has in the source.
    add(children === null ? element : cloneElement(element, {}, ...children));
  };
  for (const part of partsOf(tokensOf(props), values, "#")) {
    if (typeof part !== "string") {
      add(part.value as ReactNode);
      continue;
    }
    for (const piece of part.split(TAG)) {
      const name = /\w+/.exec(piece)?.[0] ?? "";
      if (!TAG.test(piece)) add(piece);
      else if (piece.startsWith("</")) close(name, stack.pop()?.children ?? []);
      else if (piece.endsWith("/>")) close(name, null);
      else stack.push({ name, children: [] });
    }
  }
  return createElement(Fragment, null, ...(stack[0]?.children ?? []));
}

/**
 * Returns the name of a state for use inside a sentence. In German only the first letter changes, because nouns keep
 * their capitals.
 */
export const withinSentence = (name: string): string =>
  language === "en" ? name.toLowerCase() : name.charAt(0).toLowerCase() + name.slice(1);

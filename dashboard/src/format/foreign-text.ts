import { t } from "@lingui/core/macro";
/**
 * A part of a text that other people wrote. Such a text can contain invisible characters, or characters that reorder
 * the visible ones, so that one payload looks like another. The dashboard marks or isolates these characters.
 */
export interface TextPart {
  /** The characters of the part, unchanged. */
  text: string;
  /**
   * A `marked` part is shown as the code points of its characters. An `isolated` part is written from right to left,
   * and must not reorder the rest of the text.
   */
  kind: "plain" | "marked" | "isolated";
}

/**
 * Control characters except tab and line feed, direction marks, and characters without width. Joiners are not in this
 * list, because emoji and some scripts need them.
 */
const MARKED =
  "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb";
/** Hebrew, Arabic, Syriac and the other scripts that are written from right to left. */
const RIGHT_TO_LEFT =
  "\\u0590-\\u061b\\u061d-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufefc\\u{10800}-\\u{10fff}\\u{1e800}-\\u{1efff}";

const PARTS = new RegExp(
  `([${MARKED}])|([${RIGHT_TO_LEFT}](?:[${RIGHT_TO_LEFT}\\p{M}\\u200c\\u200d ]*[${RIGHT_TO_LEFT}\\p{M}])?)`,
  "gu",
);
const ANY = new RegExp(`[${MARKED}${RIGHT_TO_LEFT}]`, "u");

/** Splits a text into its parts. Returns null if the text has no special characters and can be shown as it is. */
export function partsOf(text: string): TextPart[] | null {
  if (!ANY.test(text)) return null;
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(PARTS)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), kind: "plain" });
    parts.push({ text: match[0], kind: match[1] === undefined ? "isolated" : "marked" });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), kind: "plain" });
  return parts;
}

/** Returns the code point of a character, such as `U+202E`. */
export const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Replaces marked characters by their code points, for places that cannot have markup, such as tooltips. */
export function plainText(text: string): string {
  const parts = partsOf(text);
  if (parts === null) return text;
  return parts.map(({ text, kind }) => (kind === "marked" ? `<${codePoint(text)}>` : text)).join("");
}

const NAMES: Record<string, () => string> = {
  "\u000d": () => t`carriage return`,
  "\u001b": () => t`escape`,
  "\u00ad": () => t`soft hyphen`,
  "\u200b": () => t`zero width space`,
  "\u200e": () => t`left-to-right mark`,
  "\u200f": () => t`right-to-left mark`,
  "\u202a": () => t`left-to-right embedding`,
  "\u202b": () => t`right-to-left embedding`,
  "\u202c": () => t`end of a direction`,
  "\u202d": () => t`left-to-right override`,
  "\u202e": () => t`right-to-left override`,
  "\u2066": () => t`left-to-right isolate`,
  "\u2067": () => t`right-to-left isolate`,
  "\u2068": () => t`first strong isolate`,
  "\u2069": () => t`end of an isolate`,
  "\ufeff": () => t`byte order mark`,
};

/** Describes a marked character, in words if it has a known name. */
export const nameOf = (character: string): string =>
  [codePoint(character), NAMES[character]?.()].filter((part) => part !== undefined).join(", ");

/** Matches the characters that an editor has to mark. */
export const MARKED_CHARACTERS = new RegExp(`[${MARKED}]`, "gu");

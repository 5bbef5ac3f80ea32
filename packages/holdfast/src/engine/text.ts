/**
 * The form of free text in a record: texts with any characters that people and their code give. A record is lines of words.
 * What has to be a name is checked instead: names.ts.
 */

/** A word among others: without spaces and line breaks. */
export function encodeWord(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** @throws URIError if the text was not encoded in this way */
export function decodeWord(word: string): string {
  return decodeURIComponent(word);
}

/**
 * The rest of a line. Only what would break the record is escaped, so that scripts carry few bytes: line breaks, and at the
 * beginning what stands there for "nothing" ("-") and for a span ("~").
 */
export function encodeLine(text: string): string {
  const escaped = text.includes("%") ? text.replaceAll("%", "%25") : text;
  const lines = escaped.includes("\r") ? escaped.replaceAll(/\r\n?/g, "\n") : escaped;
  const line = lines.replaceAll("\n", "%0A").toWellFormed();
  const first = line.charCodeAt(0);
  if (first === 45) return `%2D${line.slice(1)}`;
  return first === 126 ? `%7E${line.slice(1)}` : line;
}

export function decodeLine(line: string): string {
  const text = line.startsWith("%2D")
    ? `-${line.slice(3)}`
    : line.startsWith("%7E")
      ? `~${line.slice(3)}`
      : line;
  return text.includes("%") ? text.replaceAll("%0A", "\n").replaceAll("%25", "%") : text;
}

import { LOG_LEVELS, type LogLevel, type LogMark } from "@holdfast/contracts";

/** Encodes free text for state records, which consist of words and lines. Names are checked instead (names.ts). */

/** Encodes a text as one word, without spaces and line breaks. */
export function encodeWord(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Decodes a word. @throws URIError if the text was not encoded by `encodeWord` */
export function decodeWord(word: string): string {
  return decodeURIComponent(word);
}

/** A line break in an encoded line. */
export const LINE_BREAK = "%0A";

/**
 * Encodes a text as the end of a line. To save bytes, only what would break the record is escaped: line breaks, "%",
 * and at the beginning "-" (which alone means "nothing") and "~" (which begins a trace context).
 */
export function encodeLine(text: string): string {
  const escaped = text.includes("%") ? text.replaceAll("%", "%25") : text;
  const lines = escaped.includes("\r") ? escaped.replaceAll(/\r\n?/g, "\n") : escaped;
  const line = lines.replaceAll("\n", LINE_BREAK).toWellFormed();
  const first = line.charCodeAt(0);
  if (first === 45) return `%2D${line.slice(1)}`;
  return first === 126 ? `%7E${line.slice(1)}` : line;
}

/** Encodes a line of the log of a task. The script puts the time before it. */
export function encodeLogLine(text: string, level: LogLevel): string {
  return `${level}\t${encodeLine(text)}`;
}

const LOG_LINE = new RegExp(`^(\\d+)\\t(${LOG_LEVELS.join("|")})\\t`);

/** Decodes a line of the log. Earlier versions stored only the text. */
export function decodeLogLine(line: string): LogMark & { text: string } {
  const [start = "", at, level] = LOG_LINE.exec(line) ?? [];
  return {
    at: at === undefined ? null : Number(at),
    level: (level as LogLevel | undefined) ?? "info",
    text: decodeLine(line.slice(start.length)),
  };
}

export function decodeLine(line: string): string {
  const text = line.startsWith("%2D")
    ? `-${line.slice(3)}`
    : line.startsWith("%7E")
      ? `~${line.slice(3)}`
      : line;
  return text.includes("%") ? text.replaceAll(LINE_BREAK, "\n").replaceAll("%25", "%") : text;
}

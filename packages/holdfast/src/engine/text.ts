import { LOG_LEVELS, type LogLevel, type LogMark } from "@holdfast/contracts";

/**
 * How free text is written into a record. A record consists of words and lines, and free text may have any character.
 * Texts that have to be names are checked instead: names.ts.
 */

/** Encodes a text as one word, without spaces and line breaks. */
export function encodeWord(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** @throws URIError if the text was not encoded in this way */
export function decodeWord(word: string): string {
  return decodeURIComponent(word);
}

/** How a line break is written in an encoded line. */
export const LINE_BREAK = "%0A";

/**
 * Encodes a text as the rest of a line. To save bytes, only characters that would break the record are escaped: line
 * breaks, and "-" (which means "nothing") and "~" (which begins a span) at the beginning.
 */
export function encodeLine(text: string): string {
  const escaped = text.includes("%") ? text.replaceAll("%", "%25") : text;
  const lines = escaped.includes("\r") ? escaped.replaceAll(/\r\n?/g, "\n") : escaped;
  const line = lines.replaceAll("\n", LINE_BREAK).toWellFormed();
  const first = line.charCodeAt(0);
  if (first === 45) return `%2D${line.slice(1)}`;
  return first === 126 ? `%7E${line.slice(1)}` : line;
}

/** Encodes a line of the log of a task. The script adds the time. */
export function encodeLogLine(text: string, level: LogLevel): string {
  return `${level}\t${encodeLine(text)}`;
}

const LOG_LINE = new RegExp(`^(\\d+)\\t(${LOG_LEVELS.join("|")})\\t`);

/** Reads a line of the log. An earlier version stored the text alone. */
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

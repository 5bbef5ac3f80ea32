export const FORMATS = ["table", "json", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string | number;
  /** Whether the cells are aligned to the right, as for numbers. */
  right?: boolean;
}

// Characters that a terminal could take as a command, and marks that reverse or hide text. They are listed here because
// `JSON.stringify` escapes only the first 32 characters.
const CONTROL = "\\u0000-\\u001f\\u007f-\\u009f";
const INVISIBLE = "\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff";
const UNPRINTABLE = new RegExp(`[${CONTROL}${INVISIBLE}]`, "g");
const UNPRINTABLE_IN_JSON = new RegExp(`[\\u007f-\\u009f${INVISIBLE}]`, "g");

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Makes foreign text safe for a terminal. Escapes control characters, which could be commands, and marks that reverse
 * or hide text.
 */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escaped);
}

/** Returns JSON that is safe for a terminal: characters that could be commands are escaped. */
export function printableJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replaceAll(UNPRINTABLE_IN_JSON, escaped);
}

/** Resolves when all output was written, or could not be written. */
export function flushed(stdout: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stdout.write("", () => resolve()));
}

/** Returns the message for output that could not be written. */
export function lostOutput(error: NodeJS.ErrnoException): string {
  const why = isHungUp(error) ? "its reader has ended (EPIPE)" : error.message;
  return printable(`the output could not be written: ${why}`);
}

/**
 * Whether the reader of the output has ended, as `head` does in `holdfast … | head`. The command then finishes its
 * work without output.
 */
export const isHungUp = (error: NodeJS.ErrnoException) => error.code === "EPIPE";

/** Returns the rows below their titles. Each column is as wide as its widest cell. */
export function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => printable(String(cell(row))))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => (line[at] as string).length)));
  return cells.map((line) =>
    line
      .map((text, at) =>
        columns[at]?.right ? text.padStart(widths[at] as number) : text.padEnd(widths[at] as number),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** Writes data to stdout in the chosen format, and messages to stderr. */
export class Output {
  readonly format: Format;
  readonly #stdout: NodeJS.WritableStream;
  readonly #stderr: NodeJS.WritableStream;

  constructor(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream, format: Format) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.format = format;
  }

  line(text: string): void {
    this.#stdout.write(`${text}\n`);
  }

  /** Prints JSON, on one line if `indent` is 0. */
  json(value: unknown, indent = 0): void {
    this.line(printableJson(value, indent));
  }

  /** Prints a message for people to stderr. */
  say(text: string): void {
    this.#stderr.write(`${printable(text)}\n`);
  }

  list<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    if (this.format === "json") this.json(rows, 2);
    else if (this.format === "ndjson") for (const row of rows) this.json(row);
    else for (const text of tableLines(rows, columns)) this.line(text);
  }

  /** Prints one object. The table format has one line for each named field. */
  record<Value extends object>(value: Value, fields: readonly (readonly [string, unknown])[]): void {
    if (this.format !== "table") {
      this.json(value, this.format === "json" ? 2 : 0);
      return;
    }
    const shown = fields.filter(([, text]) => text !== null && text !== undefined && text !== "");
    const width = Math.max(...shown.map(([name]) => name.length));
    for (const [name, text] of shown) this.line(`${name.padEnd(width)}  ${printable(String(text))}`);
  }
}

export const FORMATS = ["table", "json", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string | number;
  /** Numbers stand on the right. */
  right?: boolean;
}

// What a terminal could take for an order, and what turns the direction of text or hides in it. JSON escapes only the
// first 32 by itself.
const CONTROL = "\\u0000-\\u001f\\u007f-\\u009f";
const INVISIBLE = "\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff";
const UNPRINTABLE = new RegExp(`[${CONTROL}${INVISIBLE}]`, "g");
const UNPRINTABLE_IN_JSON = new RegExp(`[\\u007f-\\u009f${INVISIBLE}]`, "g");

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Text of others on a terminal: control characters, which could be orders to it, are shown as what they are, and so are
 * the marks that turn the direction of what follows.
 */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escaped);
}

/** JSON of the same value, in which nothing could be an order to the terminal that it is printed on. */
export function printableJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replaceAll(UNPRINTABLE_IN_JSON, escaped);
}

/** Resolves when all that was printed is written, or could not be. */
export function flushed(stdout: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stdout.write("", () => resolve()));
}

/** What to say where the output could not be written. */
export function lostOutput(error: NodeJS.ErrnoException): string {
  const why = isHungUp(error) ? "nobody reads it any more (EPIPE)" : error.message;
  return printable(`the output could not be written: ${why}`);
}

/** `holdfast … | head` ends the reader, not the work: what was asked for is done, and no more is printed. */
export const isHungUp = (error: NodeJS.ErrnoException) => error.code === "EPIPE";

/** Rows under their titles, each column as wide as its widest cell. */
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

/** Data goes to stdout in the chosen form, what is said about it to stderr. */
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

  /** A line of JSON, or several where it is indented. */
  json(value: unknown, indent = 0): void {
    this.line(printableJson(value, indent));
  }

  /** For people: not part of the data. */
  say(text: string): void {
    this.#stderr.write(`${printable(text)}\n`);
  }

  list<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    if (this.format === "json") this.json(rows, 2);
    else if (this.format === "ndjson") for (const row of rows) this.json(row);
    else for (const text of tableLines(rows, columns)) this.line(text);
  }

  /** One thing. As a table: a line for each field that is named. */
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

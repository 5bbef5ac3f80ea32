export const FORMATS = ["table", "json", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string | number;
  /** Numbers stand on the right. */
  right?: boolean;
}

/**
 * Text of others on a terminal: control characters, which could be orders to it, are shown as what they are, and so are
 * the marks that turn the direction of what follows.
 */
export function printable(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are taken out
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
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

  /** For people: not part of the data. */
  say(text: string): void {
    this.#stderr.write(`${printable(text)}\n`);
  }

  list<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    if (this.format === "json") this.line(JSON.stringify(rows, null, 2));
    else if (this.format === "ndjson") for (const row of rows) this.line(JSON.stringify(row));
    else for (const text of tableLines(rows, columns)) this.line(text);
  }

  /** One thing. As a table: a line for each field that is named. */
  record<Value extends object>(value: Value, fields: readonly (readonly [string, unknown])[]): void {
    if (this.format !== "table") {
      this.line(JSON.stringify(value, null, this.format === "json" ? 2 : 0));
      return;
    }
    const shown = fields.filter(([, text]) => text !== null && text !== undefined && text !== "");
    const width = Math.max(...shown.map(([name]) => name.length));
    for (const [name, text] of shown) this.line(`${name.padEnd(width)}  ${printable(String(text))}`);
  }
}

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const REVERSE = "\u001b[7m";
const PLAIN = "\u001b[0m";

/** A full screen in the terminal, whose keys are read one by one. `leave` always restores the terminal. */
export class Screen {
  readonly #stdin: NodeJS.ReadStream;
  readonly #stdout: NodeJS.WriteStream;
  readonly #onData: (data: Buffer) => void;
  #isOpen = false;

  constructor(stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream, onKey: (key: string) => void) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#onData = (data) => {
      for (const key of data.toString("latin1")) onKey(key);
    };
  }

  enter(): void {
    this.#isOpen = true;
    if (this.#stdin.isTTY) {
      this.#stdin.setRawMode(true);
      this.#stdin.on("data", this.#onData);
      this.#stdin.resume();
    }
    this.#stdout.write(ENTER);
  }

  /** Returns the columns and rows of the terminal; 80 and 24 if it does not report them. */
  get size(): [columns: number, rows: number] {
    return [this.#stdout.columns || 80, this.#stdout.rows || 24];
  }

  /** Draws all lines over the old screen in one write, so that nothing flickers. The first line is highlighted. */
  draw([title = "", ...lines]: readonly string[]): void {
    const [columns] = this.size;
    const text = [
      `${REVERSE}${title.padEnd(columns)}${PLAIN}`,
      ...lines.map((line) => line + CLEAR_LINE),
    ].join("\r\n");
    this.#stdout.write(HOME + text + CLEAR_BELOW);
  }

  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stdout.write(LEAVE);
    if (!this.#stdin.isTTY) return;
    this.#stdin.off("data", this.#onData);
    this.#stdin.setRawMode(false);
    this.#stdin.pause();
  }
}

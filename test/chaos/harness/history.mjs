import { closeSync, openSync, readSync } from "node:fs";

const CHUNK = 1 << 20;

/** Reads the JSON lines that another process appends to its history file. */
export class History {
  #path;
  #fd;
  #at = 0;
  #rest = "";
  #lines = [];

  constructor(path) {
    this.#path = path;
  }

  /** Returns all lines that were written so far, oldest first. */
  lines() {
    this.#fd ??= openSync(this.#path, "r");
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const length = readSync(this.#fd, buffer, 0, CHUNK, this.#at);
      if (length === 0) return this.#lines;
      this.#at += length;
      const parts = (this.#rest + buffer.toString("latin1", 0, length)).split("\n");
      // A killed process may have written only a part of its last line. That part is not parsed.
      this.#rest = parts.pop();
      for (const part of parts) this.#lines.push(JSON.parse(part));
    }
  }

  close() {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

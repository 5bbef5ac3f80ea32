import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs tests (the rows of a table), each with its own context and folder. Ends everything that they have started. */
export class Runs {
  #base;
  #running = new Set();
  #keep;

  /**
   * @param options.keep whether to keep the folders of rows that hold; the folders of failed rows are always kept
   */
  constructor(prefix, { keep = false } = {}) {
    this.#base = mkdtempSync(join(tmpdir(), prefix));
    this.#keep = keep;
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.on(signal, async () => {
        await Promise.allSettled([...this.#running].map((context) => context.close()));
        rmSync(this.#base, { recursive: true, force: true });
        process.exit(130);
      });
    }
  }

  /**
   * @param row has `name`, and `run(context)`, which returns a summary of the run. It may have `timeoutMs`, and
   * `skip()`, which returns a reason to skip the row
   * @returns the summary as `seen`, the verdict, the seconds, and `failed` with the expectations that failed
   */
  async run(row, { Context, timeoutMs }) {
    const started = performance.now();
    const reason = await row.skip?.();
    if (reason) return { seen: `skipped: ${reason}`, verdict: "skipped", seconds: 0 };
    const context = new Context(join(this.#base, row.name));
    this.#running.add(context);
    const limitMs = row.timeoutMs ?? timeoutMs;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${row.name} took longer than ${limitMs} ms`)), limitMs);
    });
    let seen = "";
    try {
      seen = await Promise.race([row.run(context), late]);
    } catch (error) {
      context.failed.push(error.message);
    } finally {
      clearTimeout(timer);
      await context.close();
      this.#running.delete(context);
    }
    const { failed } = context;
    const verdict = failed.length === 0 ? "holds" : "FAILS";
    if (verdict === "holds" && !this.#keep) context.remove();
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    console.log(
      `${verdict.padEnd(7)} ${row.name} (${seconds} s): ${[seen, ...failed].filter(Boolean).join("; ")}`,
    );
    return { seen, verdict, seconds, figures: context.figures, ...(failed.length > 0 ? { failed } : {}) };
  }

  /**
   * Removes the folder of all rows, unless a row has failed or the caller wants to keep the folder. @returns the folder
   * if it was kept
   */
  end(hasFailed) {
    if (hasFailed || this.#keep) return this.#base;
    rmSync(this.#base, { recursive: true, force: true });
    return null;
  }
}

import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { asHoldfastError, LIMITS } from "@holdfast/contracts";
import type { EnqueueResult, ErrorCode, HoldfastError, Queue, TaskState } from "holdfast";
import type { Context, Done } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, messageOf } from "../exit.ts";
import { flushed, isHungUp, lostOutput } from "../output.ts";
import { lineReader, linesOf, withId } from "../task-lines.ts";

interface Line {
  number: number;
  bytes: Buffer;
}

interface LineResult {
  line: number;
  id: string | null;
  state: TaskState | "purged" | null;
  duplicate: boolean;
  willRun: boolean;
  error: string | null;
}

const STOPPING: Partial<Record<ExitCode, string>> = {
  [EXIT.unreachable]: "Redis does not answer",
  [EXIT.refused]: "Redis refuses this client",
};

/**
 * Enqueues one task per line, 500 per call. Reports each refused line by its number, and can write refused lines to a
 * file. If the command stops before the end of the input, a message says why and at which line.
 */
export class LineEnqueuer {
  readonly #context: Context;
  readonly #producer: Pick<Queue, "enqueueColumns">;
  readonly #rejects: WriteStream | null;
  readonly #results: LineResult[] = [];
  readonly counts = { lines: 0, accepted: 0, duplicates: 0, refused: 0, unsent: 0 };
  #waiting: Line[] = [];
  #failure: ExitCode = EXIT.ok;
  #firstCode: ErrorCode | null = null;
  /**
   * The reason to stop: the input cannot be read, the file of refused lines cannot be written, or an unexpected error.
   */
  #error: { cause: string; code: ExitCode } | null = null;
  /** The number of the first line that was not sent. */
  #unsentFrom: number | null = null;

  constructor(context: Context, producer: Pick<Queue, "enqueueColumns">, rejects: string | undefined) {
    this.#context = context;
    this.#producer = producer;
    this.#rejects = rejects === undefined ? null : createWriteStream(rejects);
    this.#rejects?.on("error", (error) => {
      this.#error ??= {
        cause: `the refused lines could not be written: ${messageOf(error)}`,
        code: EXIT.failed,
      };
    });
  }

  async run(path: string): Promise<ExitCode> {
    const source = path === "-" ? this.#context.io.stdin : createReadStream(path);
    if (this.#rejects) await once(this.#rejects, "open");
    try {
      await this.#readAll(source);
      await this.#send();
    } catch (error) {
      const { code } = asHoldfastError(error);
      this.#firstCode ??= code;
      this.#error ??= { cause: messageOf(error), code: exitCodeOf(error) };
      this.#unsentFrom ??= this.#waiting[0]?.number ?? null;
    }
    if (this.#rejects) await finished(this.#rejects.end()).catch(() => {});
    await flushed(this.#context.io.stdout);
    return this.#report();
  }

  async #readAll(source: AsyncIterable<Buffer | string>): Promise<void> {
    let number = 0;
    for await (const bytes of linesOf(source)) {
      number++;
      if (/^\s*$/.test(bytes.toString("latin1"))) continue;
      this.counts.lines++;
      if (this.#stopped !== null) {
        await this.#send();
        this.#leave(number, bytes);
        // The remaining lines are read only to copy them to the file of refused lines.
        if (!this.#rejects) break;
        continue;
      }
      this.#waiting.push({ number, bytes });
      if (this.#waiting.length === LIMITS.scriptTasks) await this.#send();
    }
  }

  /** Returns the outcome of the command, as the audit log records it. */
  get done(): Done {
    const { accepted, duplicates } = this.counts;
    return { count: accepted - duplicates, code: this.#firstCode, interrupted: this.#stopped !== null };
  }

  /** Why the remaining lines were not sent; null if nothing has stopped the command. */
  get #stopped(): string | null {
    const { io } = this.#context;
    if (io.signal.aborted) return "interrupted";
    if (this.#error) return this.#error.cause;
    const lost = io.outputError();
    if (lost !== null && !isHungUp(lost)) return lostOutput(lost);
    return STOPPING[this.#failure] ?? null;
  }

  async #send(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    if (lines.length === 0) return;
    if (this.#stopped !== null) {
      for (const { number, bytes } of lines) this.#leave(number, bytes);
      return;
    }
    const newline = Buffer.from("\n");
    const { tasks, refused } = lineReader.lines(
      Buffer.concat(lines.flatMap(({ bytes }) => [bytes, newline])),
    );
    const good: Line[] = [];
    for (const [place, line] of lines.entries()) {
      const error = refused?.get(place);
      if (error === undefined) good.push(line);
      else this.#refused(line, error);
    }
    if (good.length === 0) return;
    const { results } = await this.#producer.enqueueColumns(tasks).catch((error: unknown) => {
      this.#unsentFrom ??= good[0]?.number ?? null;
      throw error;
    });
    for (const [at, line] of good.entries()) {
      const result = results[at] as EnqueueResult;
      if (result.ok) {
        const { id, state, duplicate, willRun } = result.receipt;
        this.counts.accepted++;
        if (duplicate) this.counts.duplicates++;
        this.#result({ line: line.number, id, state, duplicate, willRun, error: null });
        continue;
      }
      const { id, error } = result;
      const isMinted = id !== null && tasks.options?.get(at)?.id === undefined;
      this.#refused(isMinted ? { ...line, bytes: withId(line.bytes, id) } : line, error, id);
    }
  }

  /** Reports a refused line, and copies it to the file of refused lines. @param line can be sent again as it is */
  #refused({ number, bytes }: Line, error: HoldfastError, id: string | null = null): void {
    const message = messageOf(error);
    this.counts.refused++;
    this.#firstCode ??= error.code;
    const code = exitCodeOf(error);
    if (!(this.#failure in STOPPING)) this.#failure = code in STOPPING ? code : EXIT.failed;
    this.#context.out.say(`holdfast: line ${number}: ${message}`);
    this.#keep(bytes);
    this.#result({ line: number, id, state: null, duplicate: false, willRun: false, error: message });
  }

  /** Counts a line that was not sent, and copies it to the file of refused lines so that it can be sent later. */
  #leave(number: number, bytes: Buffer): void {
    this.counts.unsent++;
    this.#unsentFrom ??= number;
    this.#keep(bytes);
  }

  #keep(bytes: Buffer): void {
    this.#rejects?.write(Buffer.concat([bytes, Buffer.from("\n")]));
  }

  #result(result: LineResult): void {
    const { format } = this.#context.out;
    if (format === "ndjson") this.#context.out.json(result);
    else if (format === "json") this.#results.push(result);
  }

  #report(): ExitCode {
    const { out, io } = this.#context;
    if (out.format !== "ndjson")
      out.record({ ...this.counts, results: this.#results }, Object.entries(this.counts));
    const { lines, accepted, refused } = this.counts;
    const stopped = this.#stopped;
    if (stopped !== null) {
      const rest =
        this.#unsentFrom === null ? "" : `; line ${this.#unsentFrom} and all lines after it were not sent`;
      out.say(`holdfast: ${stopped}: stopped after ${accepted} accepted tasks${rest}`);
    } else if (io.outputError() !== null)
      out.say(`holdfast: all ${lines} lines were sent: ${accepted} accepted, ${refused} refused`);
    if (stopped === null || this.#failure !== EXIT.ok) return this.#failure;
    return this.#error?.code ?? EXIT.failed;
  }
}

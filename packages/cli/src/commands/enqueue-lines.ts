import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import {
  type ErrorCode,
  HoldfastError,
  LIMITS,
  type NewPartitionedTask,
  type Queue,
  type TaskState,
} from "holdfast";
import type { Context, Done } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, messageOf, UsageError } from "../exit.ts";
import { linesOf, taskOfLine, withId } from "../task-lines.ts";

interface Line {
  number: number;
  bytes: Buffer;
  task: NewPartitionedTask;
}

interface LineResult {
  line: number;
  id: string | null;
  state: TaskState | "purged" | null;
  duplicate: boolean;
  error: string | null;
}

/** Enqueues one task per line, 500 a call. What is refused is told with its line, and can be written to a file. */
export class LineEnqueuer {
  readonly #context: Context;
  readonly #producer: Pick<Queue, "enqueueMany">;
  readonly #rejects: WriteStream | null;
  readonly #results: LineResult[] = [];
  readonly counts = { lines: 0, accepted: 0, duplicates: 0, refused: 0, unsent: 0 };
  #waiting: Line[] = [];
  #failure: ExitCode = EXIT.ok;
  #firstCode: ErrorCode | null = null;

  constructor(context: Context, producer: Pick<Queue, "enqueueMany">, rejects: string | undefined) {
    this.#context = context;
    this.#producer = producer;
    this.#rejects = rejects === undefined ? null : createWriteStream(rejects);
  }

  async run(path: string): Promise<ExitCode> {
    const source = path === "-" ? this.#context.io.stdin : createReadStream(path);
    if (this.#rejects) await once(this.#rejects, "open");
    for await (const bytes of linesOf(source)) {
      if (/^\s*$/.test(bytes.toString("latin1"))) continue;
      const number = ++this.counts.lines;
      if (this.#ended) {
        this.counts.unsent++;
        this.#keep(bytes, null);
        // Only a file of refused lines needs the rest of the input.
        if (!this.#rejects) break;
        continue;
      }
      this.#read(number, bytes);
      if (this.#waiting.length === LIMITS.scriptTasks) await this.#send();
    }
    await this.#send();
    if (this.#rejects) {
      this.#rejects.end();
      await once(this.#rejects, "finish");
    }
    return this.#report();
  }

  /** What came of it, for the audit log. */
  get done(): Done {
    const { accepted, duplicates } = this.counts;
    return { count: accepted - duplicates, code: this.#firstCode, interrupted: this.#ended };
  }

  /** Redis is gone, or the user asked for the end: the rest is left unsent. */
  get #ended(): boolean {
    return this.#failure === EXIT.unreachable || this.#context.io.signal.aborted;
  }

  #read(number: number, bytes: Buffer): void {
    try {
      this.#waiting.push({ number, bytes, task: taskOfLine(bytes) });
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof HoldfastError)) throw error;
      this.#refused(number, bytes, null, error);
    }
  }

  async #send(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    if (lines.length === 0) return;
    if (this.#ended) {
      this.counts.unsent += lines.length;
      for (const { bytes } of lines) this.#keep(bytes, null);
      return;
    }
    const results = await this.#producer.enqueueMany(lines.map(({ task }) => task));
    for (const [at, result] of results.entries()) {
      const { number, bytes } = lines[at] as Line;
      if (!result.ok) this.#refused(number, bytes, result.id, result.error);
      else {
        const { id, state, duplicate } = result.receipt;
        this.counts.accepted++;
        if (duplicate) this.counts.duplicates++;
        this.#result({ line: number, id, state, duplicate, error: null });
      }
    }
  }

  #refused(number: number, bytes: Buffer, id: string | null, error: Error): void {
    const message = messageOf(error);
    this.counts.refused++;
    this.#firstCode ??= error instanceof HoldfastError ? error.code : "invalid_request";
    if (this.#failure !== EXIT.unreachable)
      this.#failure = exitCodeOf(error) === EXIT.unreachable ? EXIT.unreachable : EXIT.failed;
    this.#context.out.say(`holdfast: line ${number}: ${message}`);
    this.#keep(bytes, id);
    this.#result({ line: number, id, state: null, duplicate: false, error: message });
  }

  #keep(bytes: Buffer, id: string | null): void {
    this.#rejects?.write(Buffer.concat([withId(bytes, id), Buffer.from("\n")]));
  }

  #result(result: LineResult): void {
    const { format } = this.#context.out;
    if (format === "ndjson") this.#context.out.line(JSON.stringify(result));
    else if (format === "json") this.#results.push(result);
  }

  #report(): ExitCode {
    const { out, io } = this.#context;
    if (out.format !== "ndjson")
      out.record({ ...this.counts, results: this.#results }, Object.entries(this.counts));
    if (this.#ended) {
      const cause = io.signal.aborted ? "interrupted" : "Redis does not answer";
      out.say(
        `holdfast: ${cause}: stopped after ${this.counts.accepted} accepted tasks, the rest was not sent`,
      );
    }
    return this.#failure === EXIT.ok && this.#ended ? EXIT.failed : this.#failure;
  }
}

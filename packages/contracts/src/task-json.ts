import { HoldfastError } from "./errors.ts";
import { CutObject, type Span } from "./json.ts";
import {
  assertEnd,
  CLOSE_BRACE,
  COLON,
  COMMA,
  eachElement,
  isWord,
  type JsonText,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  receivedText,
  scanString,
  scanValue,
  skipSpace,
} from "./json-scan.ts";
import { LIMITS } from "./limits.ts";
import { isTaskType } from "./names.ts";
import type { FingerprintedOptions } from "./task.ts";
import { type CheckTask, cutTaskOf } from "./task-fields.ts";

export { type CheckTask, type CutTask, fieldsOf, TASK_JSON_OPTIONS } from "./task-fields.ts";

/** Tasks as one array per field, so that no object is created for each task (hot path). */
export interface TaskColumns<Options = FingerprintedOptions> {
  /** All payloads: JSON texts in UTF-8. */
  bytes: Buffer;
  /** The type of each task. */
  types: string[];
  /** Where each payload is in `bytes`: start, end, start, end … */
  spans: number[];
  /** The options of the tasks that have some, by the position of the task in `types`. */
  options?: Map<number, Options> | undefined;
}

/** The tasks of one body. `tasks` leaves out refused ones. */
export class ReadTasks<Options = FingerprintedOptions> {
  readonly tasks: TaskColumns<Options>;
  /** The errors of refused tasks, by their position in the body; undefined if there are none. */
  refused: Map<number, HoldfastError> | undefined;
  /** How many tasks the body has, including refused ones. */
  count = 0;

  constructor(bytes: Buffer) {
    this.tasks = { bytes, types: [], spans: [] };
  }

  /** Adds a task. @param bytes `tasks.bytes`, or the part of it from which `start` and `end` are counted */
  add(type: string, bytes: Buffer, start: number, end: number, options: Options | undefined): void {
    if (end - start > LIMITS.payloadBytes) {
      this.refuse(payloadTooLarge(end - start));
      return;
    }
    const { tasks } = this;
    const shift = bytes.byteOffset - tasks.bytes.byteOffset;
    if (options !== undefined) {
      tasks.options ??= new Map();
      tasks.options.set(tasks.types.length, options);
    }
    tasks.types.push(type);
    tasks.spans.push(start + shift, end + shift);
    this.count++;
  }

  /** Refuses the next task. An error that is not a HoldfastError is thrown again. */
  refuse(error: unknown): void {
    if (!(error instanceof HoldfastError)) throw error;
    this.refused ??= new Map();
    this.refused.set(this.count++, error);
  }
}

/** The bytes of a task before its payload, such as `{"type":"t","payload":`. */
interface Head {
  bytes: Buffer;
  type: string;
}

const NEWLINE = 10;

/**
 * Reads tasks in JSON, `{"type":"…","payload":…}` with their options, for HTTP and the command line. Payloads are not
 * parsed, because parsing `12345678901234567890` and writing it again would change the number. Most tasks have only a
 * type and a payload, and begin with the same bytes as the task before; such a task needs one comparison and one scan.
 */
export class TaskReader<Options = FingerprintedOptions> {
  readonly #check: CheckTask<Options>;
  readonly #longestLine: number;
  #head: Head | undefined;

  /** @param longestLine the longest line of NDJSON, bytes. @default no limit */
  constructor(check: CheckTask<Options>, longestLine = Number.POSITIVE_INFINITY) {
    this.#check = check;
    this.#longestLine = longestLine;
  }

  /** Reads one task. @throws HoldfastError if the JSON, the task or its payload is invalid, or what the check throws */
  one(body: Buffer): TaskColumns<Options> {
    const text = receivedText(body);
    const read = new ReadTasks<Options>(text.bytes);
    this.#readTask(text, skipSpace(text.bytes, 0), read, true);
    if (read.refused !== undefined) throw read.refused.get(0);
    return read.tasks;
  }

  /**
   * Reads a JSON array of tasks. Invalid tasks are refused one by one; this throws only if the array itself is invalid.
   * @throws HoldfastError invalid_json, payload_too_deep, invalid_argument
   */
  array(body: Buffer): ReadTasks<Options> {
    const text = receivedText(body, true);
    const read = new ReadTasks<Options>(text.bytes);
    const start = skipSpace(text.bytes, 0);
    if (text.bytes[start] !== OPEN_BRACKET) {
      assertEnd(text, scanValue(text, start, LIMITS.jsonDepth + 2));
      throw new HoldfastError("invalid_argument", "the body must be an array of tasks");
    }
    const end = eachElement(text, start, LIMITS.jsonDepth + 2, (at) => {
      if (read.count === LIMITS.batchTasks)
        throw new HoldfastError(
          "invalid_argument",
          `the array has more than ${LIMITS.batchTasks} elements: send more as lines of NDJSON`,
        );
      return this.#readTask(text, at, read, false);
    });
    assertEnd(text, end);
    if (read.count === 0) throw emptyBatch();
    return read;
  }

  /** Reads one task per line. Invalid lines are refused one by one; empty lines are skipped. */
  lines(body: Buffer): ReadTasks<Options> {
    const read = new ReadTasks<Options>(body);
    for (let start = 0; start < body.length; ) {
      const newline = body.indexOf(NEWLINE, start);
      const end = newline < 0 ? body.length : newline;
      this.#readLine(body, start, end, read);
      start = end + 1;
    }
    return read;
  }

  #readLine(body: Buffer, start: number, end: number, read: ReadTasks<Options>): void {
    if (end - start > this.#longestLine) {
      read.refuse(lineTooLong(this.#longestLine));
      return;
    }
    const line = body.subarray(start, end);
    if (isBlank(line)) return;
    try {
      // Each line is read as a separate text, so that positions in error messages are positions in the line.
      const text = receivedText(line);
      this.#readTask(text, skipSpace(text.bytes, 0), read, true);
    } catch (error) {
      read.refuse(error);
    }
  }

  /**
   * Reads one task.
   * @param text `tasks.bytes`, or the part of it that has the task
   * @param isOne whether only white space may follow
   * @returns the index after the task
   */
  #readTask(text: JsonText, at: number, read: ReadTasks<Options>, isOne: boolean): number {
    const { bytes } = text;
    let head = this.#head;
    if (head === undefined || !beginsWith(bytes, at, head.bytes)) head = this.#readHead(text, at);
    if (head !== undefined) {
      const start = skipSpace(bytes, at + head.bytes.length);
      const end = scanValue(text, start, LIMITS.jsonDepth);
      const after = skipSpace(bytes, end);
      if (bytes[after] === CLOSE_BRACE) {
        if (isOne) assertEnd(text, after + 1);
        read.add(head.type, bytes, start, end, undefined);
        return after + 1;
      }
    }
    return this.#readOther(text, at, read, isOne);
  }

  /** Reads a task with options, or with its members in another order. */
  #readOther(text: JsonText, at: number, read: ReadTasks<Options>, isOne: boolean): number {
    const { bytes } = text;
    if (bytes[at] !== OPEN_BRACE) {
      const end = scanValue(text, at, LIMITS.jsonDepth);
      if (isOne) assertEnd(text, end);
      read.refuse(
        new HoldfastError("invalid_argument", 'a task must be a JSON object: {"type":"…","payload":…}'),
      );
      return end;
    }
    const object = new CutObject(text, at, LIMITS.jsonDepth);
    if (isOne) assertEnd(text, object.end);
    try {
      const { type, options } = this.#check(cutTaskOf(object));
      const { start, end } = object.members.get("payload") as Span;
      read.add(type, bytes, start, end, options);
    } catch (error) {
      read.refuse(error);
    }
    return object.end;
  }

  /** Reads the beginning of a task, to compare the next tasks with it; undefined if it is not type and payload. */
  #readHead(text: JsonText, at: number): Head | undefined {
    const { bytes } = text;
    if (bytes[at] !== OPEN_BRACE) return undefined;
    let index = skipSpace(bytes, at + 1);
    if (!isWord(bytes, index, '"type"')) return undefined;
    index = skipSpace(bytes, index + 6);
    if (bytes[index] !== COLON) return undefined;
    const start = skipSpace(bytes, index + 1);
    if (bytes[start] !== QUOTE) return undefined;
    const end = scanString(text, start);
    index = skipSpace(bytes, end);
    if (bytes[index] !== COMMA) return undefined;
    index = skipSpace(bytes, index + 1);
    if (!isWord(bytes, index, '"payload"')) return undefined;
    index = skipSpace(bytes, index + 9);
    if (bytes[index] !== COLON) return undefined;
    // A valid type is ASCII without escapes, so no decoding is needed.
    const type = bytes.toString("latin1", start + 1, end - 1);
    if (!isTaskType(type)) return undefined;
    // A copy, so that the body of the request does not stay in memory.
    const head = { bytes: Buffer.from(bytes.subarray(at, index + 1)), type };
    this.#head = head;
    return head;
  }
}

function beginsWith(bytes: Buffer, at: number, head: Buffer): boolean {
  // Backwards, because most differences are in the type, near the end.
  for (let index = head.length - 1; index >= 0; index--) if (bytes[at + index] !== head[index]) return false;
  return true;
}

function payloadTooLarge(bytes: number): HoldfastError {
  return new HoldfastError(
    "payload_too_large",
    `the payload has ${bytes} bytes, at most ${LIMITS.payloadBytes} are stored: keep large data elsewhere and send a reference`,
    { field: "payload" },
  );
}

export function emptyBatch(): HoldfastError {
  return new HoldfastError("invalid_argument", "the batch is empty");
}

export function lineTooLong(bytes: number): HoldfastError {
  return new HoldfastError("payload_too_large", `a line has more than ${bytes} bytes`);
}

function isBlank(line: Uint8Array): boolean {
  return skipSpace(line, 0) === line.length;
}

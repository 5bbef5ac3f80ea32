import { HoldfastError } from "./errors.ts";
import {
  assertEnd,
  CLOSE_BRACE,
  COLON,
  COMMA,
  CutObject,
  duplicateName,
  eachElement,
  isWord,
  type JsonText,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  receivedText,
  type Span,
  scanString,
  scanValue,
  skipSpace,
} from "./json.ts";
import { isTaskType, LIMITS } from "./limits.ts";
import type { FingerprintedOptions } from "./task.ts";

/** The options of a task as JSON, which are next to its type and its payload. */
export const TASK_JSON_OPTIONS = [
  "id",
  "ifEnded",
  "priority",
  "delayMs",
  "runAt",
  "maxRetries",
  "backoff",
  "timeoutMs",
  "expiresAt",
  "tags",
  "keepPayload",
  "durability",
  "replicas",
  "partitionKey",
] as const;

/** Tasks in columns: nothing is made per task but the place of its payload. */
export interface TaskColumns {
  /** Holds the payloads, each one JSON text in UTF-8. */
  bytes: Buffer;
  /** The type of each task. */
  types: string[];
  /** The place of each payload in the bytes, in their order: start, end, start, end, … */
  spans: number[];
  /** The options of the tasks that have any, by their place in `types`. */
  options?: Map<number, FingerprintedOptions> | undefined;
}

/** The tasks of one body. Those that were refused are not in the columns. */
export class ReadTasks {
  readonly tasks: TaskColumns;
  /** Why tasks were refused, by their place in the body. Undefined if none was. */
  refused: Map<number, HoldfastError> | undefined;
  /** How many tasks the body has, with those that were refused. */
  count = 0;

  constructor(bytes: Buffer) {
    this.tasks = { bytes, types: [], spans: [] };
  }

  /** @param bytes those of the columns, or a part of them, in which the payload stands */
  add(
    type: string,
    bytes: Buffer,
    start: number,
    end: number,
    options: FingerprintedOptions | undefined,
  ): void {
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

  /** Anything but a HoldfastError is thrown on. */
  refuse(error: unknown): void {
    if (!(error instanceof HoldfastError)) throw error;
    this.refused ??= new Map();
    this.refused.set(this.count++, error);
  }
}

/** A task that is more than a type and a payload, before anybody has looked at its fields. */
export interface CutTask {
  /** Every member but the payload. */
  fields: Record<string, unknown>;
  hasPayload: boolean;
  /** The exact bytes of the whole task. */
  text: Buffer;
}

/** Decides whether a task is one. @throws HoldfastError: what is wrong with it */
export type CheckTask = (task: CutTask) => { type: string; options: FingerprintedOptions | undefined };

/** How a task begins, up to its payload: `{"type":"t","payload":`. */
interface Head {
  bytes: Buffer;
  type: string;
}

const NEWLINE = 10;

/**
 * Reads tasks as JSON, `{"type":"…","payload":…}` with the options next to them: for HTTP, for lines of NDJSON and for the
 * command line. A payload is never parsed. It stays the bytes that were sent, since `12345678901234567890` parsed and written
 * again would be another number. Most tasks have a type, then a payload, and nothing else, and begin like the one before: such
 * a task is found by one comparison and one scan.
 */
export class TaskReader {
  readonly #check: CheckTask;
  readonly #longestLine: number;
  #head: Head | undefined;

  /** @param longestLine bytes of one line of NDJSON. @default any number */
  constructor(check: CheckTask, longestLine = Number.POSITIVE_INFINITY) {
    this.#check = check;
    this.#longestLine = longestLine;
  }

  /** One task. @throws HoldfastError invalid_json, invalid_argument, payload_too_large, payload_too_deep, or what the check throws */
  one(body: Buffer): TaskColumns {
    const text = receivedText(body);
    const read = new ReadTasks(text.bytes);
    this.#readTask(text, skipSpace(text.bytes, 0), read, true);
    if (read.refused !== undefined) throw read.refused.get(0);
    return read.tasks;
  }

  /**
   * A JSON array of tasks. A task that is wrong does not stop the others; only what concerns the whole is thrown.
   * @throws HoldfastError invalid_json, payload_too_deep, invalid_argument
   */
  array(body: Buffer): ReadTasks {
    const text = receivedText(body, true);
    const read = new ReadTasks(text.bytes);
    const start = skipSpace(text.bytes, 0);
    if (text.bytes[start] !== OPEN_BRACKET) {
      assertEnd(text, scanValue(text, start, LIMITS.jsonDepth + 2));
      throw new HoldfastError("invalid_argument", "the body must be an array of tasks");
    }
    const end = eachElement(text, start, LIMITS.jsonDepth + 2, (at) => {
      if (read.count === LIMITS.batchTasks)
        throw new HoldfastError("invalid_argument", `the array has more than ${LIMITS.batchTasks} elements`);
      return this.#readTask(text, at, read, false);
    });
    assertEnd(text, end);
    if (read.count === 0) throw emptyBatch();
    return read;
  }

  /** One task per line. A line that is not JSON spoils only itself, and empty lines are skipped. */
  lines(body: Buffer): ReadTasks {
    const read = new ReadTasks(body);
    for (let start = 0; start < body.length; ) {
      const newline = body.indexOf(NEWLINE, start);
      const end = newline < 0 ? body.length : newline;
      this.#readLine(body, start, end, read);
      start = end + 1;
    }
    return read;
  }

  #readLine(body: Buffer, start: number, end: number, read: ReadTasks): void {
    if (end - start > this.#longestLine) {
      read.refuse(lineTooLong(this.#longestLine));
      return;
    }
    const line = body.subarray(start, end);
    if (isBlank(line)) return;
    try {
      // A text of its own: positions in messages count from the beginning of the line.
      const text = receivedText(line);
      this.#readTask(text, skipSpace(text.bytes, 0), read, true);
    } catch (error) {
      read.refuse(error);
    }
  }

  /**
   * @param text those bytes of the columns in which it stands
   * @param isOne nothing but space may follow
   * @returns the index after the task
   */
  #readTask(text: JsonText, at: number, read: ReadTasks, isOne: boolean): number {
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

  /** What every task can be read by: its members in any order, with options. */
  #readOther(text: JsonText, at: number, read: ReadTasks, isOne: boolean): number {
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
    const { end, members, duplicate } = object;
    if (isOne) assertEnd(text, end);
    try {
      if (duplicate !== undefined) throw duplicateName(duplicate);
      const payload = members.get("payload");
      const fields = fieldsOf(object);
      const { type, options } = this.#check({
        fields,
        hasPayload: payload !== undefined,
        text: object.bytes,
      });
      const { start, end: payloadEnd } = payload as Span;
      read.add(type, bytes, start, payloadEnd, options);
    } catch (error) {
      read.refuse(error);
    }
    return end;
  }

  /** Kept for the tasks that follow. Undefined if the task does not begin with its type and its payload. */
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
    // No type has a character that JSON would write as an escape.
    const type = bytes.toString("latin1", start + 1, end - 1);
    if (!isTaskType(type)) return undefined;
    // A copy: the body of a request must not stay in memory for it.
    const head = { bytes: Buffer.from(bytes.subarray(at, index + 1)), type };
    this.#head = head;
    return head;
  }
}

function beginsWith(bytes: Buffer, at: number, head: Buffer): boolean {
  // From the end, where the types differ.
  for (let index = head.length - 1; index >= 0; index--) if (bytes[at + index] !== head[index]) return false;
  return true;
}

function fieldsOf(object: CutObject): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, span] of object.members) {
    if (name === "payload") continue;
    const value: unknown = JSON.parse(object.textOf(span));
    // Assigned, it would set the prototype and pass unseen: it is an unknown field like any other.
    if (name === "__proto__") Object.defineProperty(fields, name, { value, enumerable: true });
    else fields[name] = value;
  }
  return fields;
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

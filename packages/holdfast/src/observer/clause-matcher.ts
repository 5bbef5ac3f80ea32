import type { Clause, Comparison, Moment, Pattern, TextField, TimeField } from "@holdfast/contracts";
import { valuesAt } from "./payload-path.ts";
import { type FilteredTask, timeOf } from "./query-task.ts";

type Test<Value> = (value: Value) => boolean;

const escaped = (text: string) => text.replaceAll(/[$()*+.?[\\\]^{|}/]/g, "\\$&");

/** Returns a function that finds these words in a text. Upper and lower case are the same. */
export function textFinder(words: string): Test<string> {
  if (words.toLowerCase() === words.toUpperCase()) return (text) => text.includes(words);
  const pattern = new RegExp(escaped(words), "iu");
  return (text) => pattern.test(text);
}

/** Returns a function that tests a text. @param isPart whether the text only has to contain the pattern */
function patternTest(
  pattern: Pattern,
  { isPart, matchCase }: { isPart: boolean; matchCase: boolean },
): Test<string> {
  const [first = "", ...rest] = pattern;
  if (rest.length === 0 && isPart) return matchCase ? (text) => text.includes(first) : textFinder(first);
  if (rest.length === 0 && matchCase) return (text) => text === first;
  // The pieces between the wildcards are searched one after the other. A single regular expression with several
  // wildcards could take very long in a large payload.
  const pieces = pattern.map((piece, at) => {
    const begin = at === 0 && !isPart ? "^" : "";
    const end = at === rest.length && !isPart ? "$" : "";
    return new RegExp(`${begin}${escaped(piece)}${end}`, matchCase ? "gu" : "giu");
  });
  return (text) => {
    let at = 0;
    for (const piece of pieces) {
      piece.lastIndex = at;
      if (!piece.test(text)) return false;
      at = piece.lastIndex;
    }
    return true;
  };
}

const anyOf =
  <Value>(tests: readonly Test<Value>[]): Test<Value> =>
  (value) =>
    tests.some((test) => test(value));

/** Returns the first line of an error; also its name and its message, if it has both. */
function errorTexts(error: string): string[] {
  const [line = ""] = error.split("\n", 1);
  const [, name, message] = /^([A-Z][\w$.]*)(?: \[[^\]]*\])?: (.*)$/.exec(line) ?? [];
  return name === undefined || message === undefined ? [line] : [line, name, message];
}

/** Returns the texts of a field; an empty list if the task has no such field. */
function fieldTexts(task: FilteredTask, field: TextField, isPart: boolean): readonly string[] {
  const present = (text: string | null | undefined) => (text === null || text === undefined ? [] : [text]);
  switch (field) {
    case "tag":
      return task.tags;
    case "flow":
      return present(task.flow?.id);
    case "signature":
      return task.state === "dead" ? [task.signature ?? "other"] : [];
    case "error":
      return task.lastError === null || isPart ? present(task.lastError) : errorTexts(task.lastError);
    case "payload":
      return [task.payloadText];
    default:
      return present(task[field]);
  }
}

/** Returns the time that a condition compares; null if the task has no such time. */
function fieldTime(task: FilteredTask, field: TimeField): number | null {
  switch (field) {
    case "enqueued":
      return task.enqueuedAt;
    case "due":
      return task.state === "scheduled" ? task.runAt : null;
    case "died":
      return task.state === "dead" ? task.endedAt : null;
    case "completed":
      return task.state === "completed" ? task.endedAt : null;
    case "ended":
      return task.endedAt;
    case "time":
      return timeOf(task);
  }
}

export const msOf = (moment: Moment, now: number) => ("at" in moment ? moment.at : now + moment.in);

const COMPARE: Record<Comparison, (order: number) => boolean> = {
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
};
const WHOLE = /^-?\d{1,1000}$/;

/** Compares two JSON numbers. Whole numbers of any size are compared exactly. */
function order(a: string, b: string): number {
  const [one, other] = WHOLE.test(a) && WHOLE.test(b) ? [BigInt(a), BigInt(b)] : [Number(a), Number(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

const isNumber = (json: string) => /^[-\d]/.test(json);
const isString = (json: string) => json.startsWith('"');
const isNested = (json: string) => json.startsWith("{") || json.startsWith("[");

/** Returns a function that tests one condition. @param now the time from which durations are counted, ms */
function testOf(clause: Clause, now: number): Test<FilteredTask> {
  switch (clause.kind) {
    case "any": {
      const has = patternTest(clause.text, { isPart: true, matchCase: false });
      return (task) =>
        has(task.id) ||
        has(task.type) ||
        (task.lastError !== null && has(task.lastError)) ||
        task.tags.some(has) ||
        has(task.payloadText);
    }
    case "text": {
      const fits = anyOf(clause.anyOf.map((pattern) => patternTest(pattern, clause)));
      return (task) => fieldTexts(task, clause.field, clause.isPart).some(fits);
    }
    case "choice": {
      const key = ({ state: "state", reason: "deadReason", priority: "priority" } as const)[clause.field];
      return (task) => clause.anyOf.includes(task[key] ?? "");
    }
    case "number": {
      const { field, from = 0, to = Number.POSITIVE_INFINITY } = clause;
      return (task) => task[field] >= from && task[field] <= to;
    }
    case "time": {
      const from = clause.from ? msOf(clause.from, now) : Number.NEGATIVE_INFINITY;
      const to = clause.to ? msOf(clause.to, now) : Number.POSITIVE_INFINITY;
      return (task) => {
        const time = fieldTime(task, clause.field);
        return time !== null && time >= from && time < to;
      };
    }
    case "payload": {
      const values = clause.anyOf.map(({ text, isString: isOnlyString }) => {
        const fits = patternTest(text, clause);
        return (json: string) =>
          isString(json) ? fits(JSON.parse(json) as string) : !isOnlyString && !isNested(json) && fits(json);
      });
      return ({ payloadText }) => valuesAt(payloadText, clause.path).some(anyOf(values));
    }
    case "compare": {
      const fits = COMPARE[clause.op];
      return ({ payloadText }) =>
        valuesAt(payloadText, clause.path).some((json) => isNumber(json) && fits(order(json, clause.than)));
    }
  }
}

/** Returns a function that says whether a task meets all conditions. */
export function clauseMatcher(clauses: readonly Clause[], now: number): Test<FilteredTask> {
  const tests = clauses.map((clause) => {
    const test = testOf(clause, now);
    return clause.not ? (task: FilteredTask) => !test(task) : test;
  });
  return (task) => tests.every((test) => test(task));
}

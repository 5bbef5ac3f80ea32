import { HoldfastError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { nearest } from "../nearest.ts";
import {
  ALIASES,
  CHOICE_FIELDS,
  type ChoiceField,
  type Clause,
  COMPARISONS,
  CONNECTIVES,
  type Comparison,
  NUMBER_FIELDS,
  type NumberField,
  type Pattern,
  type PayloadValue,
  QUERY_FIELDS,
  type Step,
  TEXT_FIELDS,
  type TextField,
  TIME_FIELDS,
  type TimeField,
} from "./clause.ts";
import { durationOf, momentSpanOf } from "./moments.ts";
import { isPlain, quoted } from "./print.ts";

/** Describes what is wrong with a query. */
export interface QueryProblem {
  /** Where the wrong part begins, in UTF-16 units from 0. */
  readonly position: number;
  /** The wrong part of the query; empty at its end. */
  readonly found: string;
  /** What to write instead. */
  readonly remedy: string;
  /** The whole problem as one sentence. */
  readonly message: string;
}

/** Thrown for a query that cannot be parsed. */
export class QueryError extends HoldfastError {
  /** What is wrong, where, and what to write instead. */
  readonly problem: QueryProblem;

  constructor(problem: QueryProblem) {
    super("invalid_argument", `query: ${problem.message}`, { field: "query" });
    this.name = "QueryError";
    this.problem = problem;
  }
}

export type ParsedQuery =
  | { readonly ok: true; readonly clauses: readonly Clause[] }
  | { readonly ok: false; readonly problem: QueryProblem };

/** Parses a query. An empty query selects every task. */
export function parseQuery(text: string): ParsedQuery {
  try {
    return { ok: true, clauses: clausesOfQuery(text) };
  } catch (error) {
    if (error instanceof QueryError) return { ok: false, problem: error.problem };
    throw error;
  }
}

/** Parses a query. @throws QueryError */
export function clausesOfQuery(text: string): Clause[] {
  return new Reader(text).clauses();
}

/** A value of a query: its pattern, and whether it was quoted. */
interface Value {
  readonly at: number;
  readonly raw: string;
  readonly pattern: Pattern;
  readonly isQuoted: boolean;
}

const SHOWN = 40;
const MOST_CLAUSES = 50;
const MOST = 999_999_999;
const NAME = /[A-Za-z]\w*/y;
const OPERATOR = /==|~~|[:=~]|>=|<=|>|</y;
const STEP = /[\p{L}\p{N}_$-]+/uy;
const NUMBER = /^-?(?:0|[1-9]\d{0,999})(?:\.\d{1,999})?(?:[eE][+-]?\d{1,6})?$/;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  clauses(): Clause[] {
    const found: Clause[] = [];
    if (this.#text.length > LIMITS.queryCharacters)
      this.#fail(
        LIMITS.queryCharacters,
        "the query is too long",
        `it may have at most ${LIMITS.queryCharacters} characters`,
      );
    for (this.#space(); this.#at < this.#text.length; this.#space()) {
      if (found.length === MOST_CLAUSES)
        this.#fail(this.#at, "too many clauses", `a query may have at most ${MOST_CLAUSES}`);
      found.push(this.#clause());
    }
    return found;
  }

  #clause(): Clause {
    const start = this.#at;
    const not = this.#text[this.#at] === "-";
    if (not) this.#at++;
    if (this.#isOver()) this.#fail(start, 'nothing follows "-"', "write -field:value or -word");
    const named = this.#named(not);
    if (named) return named;
    const { at, raw, pattern } = this.#value(false);
    if (CONNECTIVES.includes(raw))
      this.#fail(
        at,
        `${quoted(raw)} is not a connective here`,
        'every clause has to match anyway; write -field:value for "not", and type:a,b for "or"; quote it to find the word',
      );
    if (isEmpty(pattern)) this.#fail(at, "an empty text", "write the text to find");
    return { not, kind: "any", text: pattern };
  }

  /**
   * Parses a condition that begins with the name of a field. Returns undefined, and reads nothing, if there is none
   * here.
   */
  #named(not: boolean): Clause | undefined {
    const start = this.#at;
    const written = this.#match(NAME);
    if (written === "") return undefined;
    const lower = written.toLowerCase();
    const path = lower === "payload" ? this.#path() : [];
    const op = this.#match(OPERATOR);
    if (op === "") {
      this.#at = start;
      return undefined;
    }
    const field = ALIASES[lower] ?? lower;
    if (!QUERY_FIELDS.includes(field)) this.#unknownField(start, written);
    if (this.#isOver()) this.#fail(this.#at, `${quoted(written)} has no value`, `write ${example(field)}`);
    if (path.length > 0) return this.#payload(not, path, op);
    if (field in TEXT_FIELDS) return this.#textClause(not, field as TextField, op, start);
    const comparison = COMPARISONS.find((one) => one === op) ?? this.#comparison(op, field, start);
    if (field in CHOICE_FIELDS) return this.#choice(not, field as ChoiceField, comparison);
    if (field in NUMBER_FIELDS) return this.#number(not, field as NumberField, comparison);
    return this.#time(not, field as TimeField, comparison);
  }

  /** Parses the comparison after `:`, such as `>`. */
  #comparison(op: string, field: string, start: number): Comparison | undefined {
    if (op !== ":" && op !== "=")
      this.#fail(start, `${quoted(field)} has no operator ${quoted(op)}`, `write ${example(field)}`);
    const found = COMPARISONS.find((one) => this.#text.startsWith(one, this.#at));
    this.#at += found?.length ?? 0;
    if (this.#isOver()) this.#fail(this.#at, `${quoted(field)} has no value`, `write ${example(field)}`);
    return found;
  }

  #textClause(not: boolean, field: TextField, op: string, start: number): Clause {
    const isComparison = COMPARISONS.some((one) => one === op || this.#text.startsWith(one, this.#at));
    if (isComparison)
      this.#fail(
        start,
        `${quoted(field)} is a text and has no order`,
        `write ${example(field)}, or quote the text`,
      );
    const isPart = op[0] === "~";
    if (field === "payload" && !isPart)
      this.#fail(
        start,
        "the payload as a whole cannot be compared",
        'write payload~"text" or payload.path=value',
      );
    const anyOf = this.#values().map(({ at, pattern }) => {
      if (isEmpty(pattern)) this.#fail(at, "an empty text", `write ${example(field)}`);
      return pattern;
    });
    // Case always matters for ids, because ids that differ only in case are different tasks.
    return { not, kind: "text", field, isPart, matchCase: op.length === 2 || field === "id", anyOf };
  }

  #choice(not: boolean, field: ChoiceField, comparison: Comparison | undefined): Clause {
    const known: readonly string[] = CHOICE_FIELDS[field];
    const list = known.join(", ");
    const anyOf = this.#values().map(({ at, raw, pattern }) => {
      if (comparison) this.#fail(at, `${quoted(field)} has no order`, `write ${example(field)}`);
      const value = pattern.join("*").toLowerCase();
      if (known.includes(value)) return value;
      const near = nearest(raw, known);
      const remedy =
        near === undefined ? `it is one of ${list}` : `did you mean ${quoted(near)}? It is one of ${list}`;
      return this.#fail(at, `unknown ${field} ${quoted(raw)}`, remedy, raw);
    });
    return { not, kind: "choice", field, anyOf };
  }

  #number(not: boolean, field: NumberField, comparison: Comparison | undefined): Clause {
    const { at, raw } = this.#value(false);
    const wrong = () =>
      this.#fail(at, `${quoted(raw)} is not a whole number`, `write ${example(field)}`, raw);
    const whole = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : wrong());
    const [first = "", last, ...more] = raw.split("..");
    if (more.length > 0 || (last !== undefined && comparison)) wrong();
    const [from, to] = [whole(first), whole(last ?? first)];
    if (from > to) this.#fail(at, `${quoted(raw)} ends before it begins`, `write ${to}..${from}`, raw);
    const base = { not, kind: "number", field } as const;
    if (comparison === ">") return { ...base, from: Math.min(from + 1, MOST) };
    if (comparison === ">=") return { ...base, from };
    if (comparison === "<" && to === 0) wrong();
    if (comparison === "<") return { ...base, to: to - 1 };
    return comparison === "<=" ? { ...base, to } : { ...base, from, to };
  }

  #time(not: boolean, field: TimeField, comparison: Comparison | undefined): Clause {
    const { at, raw } = this.#value(false);
    const base = { not, kind: "time", field } as const;
    const [first = "", last, ...more] = raw.split("..");
    const isRange = last !== undefined && more.length === 0 && comparison === undefined;
    const [begin, end] = [durationOf(first), durationOf(last ?? first)];
    if (begin !== undefined && end !== undefined && (isRange || last === undefined)) {
      if (!isRange && comparison === undefined)
        this.#fail(at, `${quoted(raw)} is a duration`, `write ${field}:<${raw} or ${field}:>${raw}`, raw);
      // A duration is counted back from now; for `due`, which is in the future, it is counted forward.
      const sign = field === "due" ? 1 : -1;
      const moment = (ms: number) => ({ in: sign * ms || 0 });
      const [near, far] = [moment(Math.min(begin, end)), moment(Math.max(begin, end))];
      if (isRange) return { ...base, ...(sign > 0 ? { from: near, to: far } : { from: far, to: near }) };
      const isFar = comparison === ">" || comparison === ">=";
      return { ...base, ...(isFar === sign > 0 ? { from: near } : { to: near }) };
    }
    const [start, stop] = [momentSpanOf(first), momentSpanOf(last ?? first)];
    if (!start || !stop || (last !== undefined && !isRange))
      this.#fail(
        at,
        `${quoted(raw)} is not a time`,
        `write ${example(field)}, ${field}:>=2026-11-30T14:05Z or ${field}:2026-11-01..2026-11-30`,
        raw,
      );
    if (start.start >= stop.end)
      this.#fail(at, `${quoted(raw)} ends before it begins`, `write ${last}..${first}`, raw);
    if (comparison === ">") return { ...base, from: { at: start.end } };
    if (comparison === ">=") return { ...base, from: { at: start.start } };
    if (comparison === "<") return { ...base, to: { at: start.start } };
    if (comparison === "<=") return { ...base, to: { at: start.end } };
    return { ...base, from: { at: start.start }, to: { at: stop.end } };
  }

  #payload(not: boolean, path: Step[], op: string): Clause {
    const isEqual = op === ":" || op === "=";
    const comparison =
      COMPARISONS.find((one) => one === op) ??
      (isEqual ? COMPARISONS.find((one) => this.#text.startsWith(one, this.#at)) : undefined);
    if (comparison) {
      if (isEqual) this.#at += comparison.length;
      const { at, raw } = this.#value(false);
      if (!NUMBER.test(raw))
        this.#fail(
          at,
          `${quoted(raw)} is not a number`,
          `only numbers have an order: write payload.amount${comparison}100`,
          raw,
        );
      return { not, kind: "compare", path, op: comparison, than: raw };
    }
    const anyOf = this.#values().map(
      ({ pattern, isQuoted }): PayloadValue => ({
        text: pattern,
        // No number, boolean or null has other characters than the plain ones.
        isString: isQuoted || !pattern.every(isPlain),
      }),
    );
    return { not, kind: "payload", path, isPart: op[0] === "~", matchCase: op.length === 2, anyOf };
  }

  /** Parses the steps of a path, such as `.customer.id`, `.items.*.sku` or `."odd name"`. */
  #path(): Step[] {
    const steps: Step[] = [];
    while (this.#text[this.#at] === ".") {
      const dot = this.#at++;
      if (this.#text[this.#at] === '"') steps.push(this.#quotedText());
      else if (this.#text[this.#at] === "*") {
        this.#at++;
        steps.push(null);
      } else {
        const step = this.#match(STEP);
        if (step === "") {
          this.#at = dot;
          break;
        }
        steps.push(step);
      }
    }
    return steps;
  }

  /** Parses one or more values, separated by commas. */
  #values(): Value[] {
    const values = [this.#value(true)];
    while (this.#text[this.#at] === ",") {
      this.#at++;
      values.push(this.#value(true));
    }
    return values;
  }

  /** @param isListed whether a comma ends the value */
  #value(isListed: boolean): Value {
    const at = this.#at;
    const pieces = [""];
    let isQuoted = false;
    for (; !this.#isOver(); ) {
      const character = this.#text[this.#at] as string;
      if (isListed && character === ",") break;
      if (character === '"') {
        isQuoted = true;
        pieces[pieces.length - 1] += this.#quotedText();
        continue;
      }
      this.#at++;
      if (character !== "*") pieces[pieces.length - 1] += character;
      // Two wildcards with nothing between them count as one.
      else if (pieces.length === 1 || pieces.at(-1) !== "") pieces.push("");
    }
    if (this.#at === at)
      this.#fail(
        at,
        "a value is missing",
        isListed ? "write a value on both sides of the comma" : "write a value",
      );
    return { at, raw: this.#text.slice(at, this.#at), pattern: pieces, isQuoted };
  }

  /** Parses a text in quotes. A backslash before a quote or a backslash is an escape. */
  #quotedText(): string {
    const start = this.#at++;
    let text = "";
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined)
        this.#fail(
          start,
          "the quote has no end",
          'write another " at the end of the text',
          this.#text.slice(start),
        );
      if (character === '"') return text;
      const next = this.#text[this.#at];
      if (character === "\\" && (next === '"' || next === "\\")) {
        text += next;
        this.#at++;
      } else text += character;
    }
  }

  #unknownField(at: number, written: string): never {
    const near = nearest(written, [...QUERY_FIELDS, ...Object.keys(ALIASES)]);
    const remedy =
      near === undefined
        ? `the fields are ${QUERY_FIELDS.join(", ")} and payload.path; quote the text to find it as it is`
        : `did you mean ${quoted(near)}?`;
    return this.#fail(at, `unknown field ${quoted(written)}`, remedy, written);
  }

  #isOver(): boolean {
    return this.#at >= this.#text.length || /\s/.test(this.#text[this.#at] as string);
  }

  #space(): void {
    while (this.#at < this.#text.length && this.#isOver()) this.#at++;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #fail(
    position: number,
    what: string,
    remedy: string,
    found = /^\S*/.exec(this.#text.slice(position))?.[0] ?? "",
  ): never {
    const cut = found.length > SHOWN ? `${found.slice(0, SHOWN)}…` : found;
    throw new QueryError({
      position,
      found: cut,
      remedy,
      message: `${what} at position ${position}: ${remedy}`,
    });
  }
}

const isEmpty = (pattern: Pattern) => pattern.length === 1 && pattern[0] === "";

/** Returns a condition that shows how a field is used. */
function example(field: string): string {
  if (field in CHOICE_FIELDS) return `${field}:${CHOICE_FIELDS[field as ChoiceField][0]}`;
  if (field in NUMBER_FIELDS) return `${field}:3, ${field}:>3 or ${field}:2..5`;
  if (field in TIME_FIELDS) return `${field}:<2h, ${field}:>2h`;
  if (field === "payload") return 'payload~"text" or payload.path=value';
  return `${field}:value or ${field}~"part of it"`;
}

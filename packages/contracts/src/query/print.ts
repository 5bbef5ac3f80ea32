import {
  type Clause,
  CONNECTIVES,
  type Moment,
  type Pattern,
  type PayloadValue,
  type Step,
} from "./clause.ts";
import { durationText, lastBeforeText, momentText } from "./moments.ts";

/** Values of these characters need no quotes. */
const PLAIN = /^[\p{L}\p{N}_.:/@+%$#&'!?;|-]*$/u;
const PLAIN_STEP = /^[\p{L}\p{N}_$-]+$/u;

export const isPlain = (text: string) => PLAIN.test(text);

/** Writes a text in quotes, so that all its characters are taken literally. */
export const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

/** Writes a text as a value, with quotes if it needs them. */
export const valueText = (text: string) => patternText([text]);

function patternText(
  pattern: Pattern,
  isUnquoted = pattern.join("*") !== "" && pattern.every(isPlain),
): string {
  if (isUnquoted) return pattern.join("*");
  return pattern.map((piece) => (piece === "" && pattern.length > 1 ? "" : quoted(piece))).join("*");
}

/** A text without a field is quoted if it would be parsed as a field, a negation or a connective. */
function wordText(pattern: Pattern): string {
  const text = pattern.join("*");
  const isWord = pattern.every(isPlain) && !/^-|:|^$/.test(text) && !CONNECTIVES.includes(text);
  return patternText(pattern, isWord);
}

const payloadValueText = ({ text, isString }: PayloadValue) =>
  isString ? text.map(quoted).join("*") : patternText(text, true);

const pathText = (path: readonly Step[]) =>
  path.map((step) => (step === null ? ".*" : `.${PLAIN_STEP.test(step) ? step : quoted(step)}`)).join("");

const operator = ({ isPart, matchCase }: { isPart: boolean; matchCase: boolean }) =>
  isPart ? (matchCase ? "~~" : "~") : matchCase ? "==" : ":";

function rangeText(from: number | undefined, to: number | undefined): string {
  if (from === to) return String(from);
  if (from === undefined) return `<=${to}`;
  return to === undefined ? `>=${from}` : `${from}..${to}`;
}

/** @param isAhead whether durations are counted forward from now; otherwise they are counted back */
function spanText(from: Moment | undefined, to: Moment | undefined, isAhead: boolean): string {
  if ((from && "in" in from) || (to && "in" in to)) {
    const [begin, end] = [from as { in: number } | undefined, to as { in: number } | undefined];
    const near = isAhead ? begin?.in : end && -end.in;
    const far = isAhead ? end?.in : begin && -begin.in;
    if (near === undefined) return `<${durationText(far ?? 0)}`;
    return far === undefined ? `>${durationText(near)}` : `${durationText(near)}..${durationText(far)}`;
  }
  const [first, end] = [from?.at, to?.at];
  if (first === undefined) return `<${momentText(end ?? 0)}`;
  if (end === undefined) return `>=${momentText(first)}`;
  const [firstText, lastText] = [momentText(first), lastBeforeText(end)];
  return firstText === lastText ? firstText : `${firstText}..${lastText}`;
}

/** Writes one condition. */
export function clauseText(clause: Clause): string {
  const sign = clause.not ? "-" : "";
  switch (clause.kind) {
    case "any":
      return `${sign}${wordText(clause.text)}`;
    case "text": {
      // For an id, case always matters, so the operator that demands it is not needed.
      const op = operator(clause.field === "id" ? { ...clause, matchCase: false } : clause);
      return `${sign}${clause.field}${op}${clause.anyOf.map((text) => patternText(text)).join(",")}`;
    }
    case "choice":
      return `${sign}${clause.field}:${clause.anyOf.join(",")}`;
    case "number":
      return `${sign}${clause.field}:${rangeText(clause.from, clause.to)}`;
    case "time":
      return `${sign}${clause.field}:${spanText(clause.from, clause.to, clause.field === "due")}`;
    case "payload": {
      const op = operator(clause) === ":" ? "=" : operator(clause);
      return `${sign}payload${pathText(clause.path)}${op}${clause.anyOf.map(payloadValueText).join(",")}`;
    }
    case "compare":
      return `${sign}payload${pathText(clause.path)}${clause.op}${clause.than}`;
  }
}

/** Writes a query. `parseQuery` of this text returns the same conditions. */
export const printQuery = (clauses: readonly Clause[]) => clauses.map(clauseText).join(" ");

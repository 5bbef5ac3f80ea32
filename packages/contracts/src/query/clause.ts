import { DEAD_REASONS, LISTED_STATES, PRIORITIES } from "../states.ts";

/** The fields of a query with a text value, and what each of them is. */
export const TEXT_FIELDS = {
  id: "the id of the task; upper and lower case differ",
  type: "the type",
  tag: "one of the tags",
  queue: "the name of the queue",
  key: "the flow-control key",
  flow: "the id of the flow",
  signature: "the error under which a dead letter is counted; `other` if there is none",
  error: "the last error: its name or its message as a whole; with ~ a part of it",
  payload: "a part of the payload, with ~; payload.path is one value in it",
} as const;

/** The fields of a query that accept only these values. */
export const CHOICE_FIELDS = { state: LISTED_STATES, reason: DEAD_REASONS, priority: PRIORITIES } as const;

/** The fields of a query with a whole number as value, and what each of them is. */
export const NUMBER_FIELDS = { attempts: "attempts since the enqueue or the last replay" } as const;

/** The fields of a query with a time as value, and what each of them is. */
export const TIME_FIELDS = {
  enqueued: "when it was enqueued",
  due: "when a scheduled task is due; 2h is two hours from now",
  completed: "when it completed",
  died: "when it died",
  ended: "when it ended, in any way",
  time: "the time by which its list is ordered: ended, due (scheduled) or enqueued (pending, processing)",
} as const;

export type TextField = keyof typeof TEXT_FIELDS;
export type ChoiceField = keyof typeof CHOICE_FIELDS;
export type NumberField = keyof typeof NUMBER_FIELDS;
export type TimeField = keyof typeof TIME_FIELDS;

/** A text with wildcards, cut at the wildcards: `email.*` is `["email.", ""]`. */
export type Pattern = readonly string[];

/** A time: `at` in ms since the epoch, or `in` as ms from now (negative for the past). */
export type Moment = { readonly at: number } | { readonly in: number };

/** A step of a path into a payload: the name of a member, the index of an element, or null for every one. */
export type Step = string | null;

/** Matches a text in the id, type, last error, tags or payload. */
interface AnyClause {
  readonly kind: "any";
  readonly text: Pattern;
}

/** Matches a text field that is one of these texts, or contains one of them. */
interface TextClause {
  readonly kind: "text";
  readonly field: TextField;
  /** True: the field has to contain the text. False: the field has to be equal to the text. */
  readonly isPart: boolean;
  readonly matchCase: boolean;
  readonly anyOf: readonly Pattern[];
}

interface ChoiceClause {
  readonly kind: "choice";
  readonly field: ChoiceField;
  readonly anyOf: readonly string[];
}

/** Matches a number in a range. Both ends belong to the range. */
interface NumberClause {
  readonly kind: "number";
  readonly field: NumberField;
  readonly from?: number;
  readonly to?: number;
}

/** Matches a time in a span, which ends before `to`. */
interface TimeClause {
  readonly kind: "time";
  readonly field: TimeField;
  readonly from?: Moment;
  readonly to?: Moment;
}

/** A value to look for in a payload. */
export interface PayloadValue {
  readonly text: Pattern;
  /**
   * Whether only a JSON string matches, because the value was quoted or contains characters that no number, boolean or
   * null has.
   */
  readonly isString: boolean;
}

/** Matches a payload with one of these values at the path, or with a string there that contains one of them. */
interface PayloadClause {
  readonly kind: "payload";
  readonly path: readonly Step[];
  readonly isPart: boolean;
  readonly matchCase: boolean;
  readonly anyOf: readonly PayloadValue[];
}

export const COMPARISONS = [">=", "<=", ">", "<"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/**
 * Matches a payload with a number at the path that is larger or smaller than this one. It is kept as text, so that
 * large numbers stay exact.
 */
interface CompareClause {
  readonly kind: "compare";
  readonly path: readonly Step[];
  readonly op: Comparison;
  readonly than: string;
}

/** One condition of a query. A task has to meet all conditions. */
export type Clause = { readonly not: boolean } & (
  | AnyClause
  | TextClause
  | ChoiceClause
  | NumberClause
  | TimeClause
  | PayloadClause
  | CompareClause
);

/** Other names that a query may use for a field. */
export const ALIASES: Readonly<Record<string, string>> = { created: "enqueued" };

/** The names of all fields of a query. */
export const QUERY_FIELDS: readonly string[] = [
  ...Object.keys(TEXT_FIELDS),
  ...Object.keys(CHOICE_FIELDS),
  ...Object.keys(NUMBER_FIELDS),
  ...Object.keys(TIME_FIELDS),
];

/**
 * Words that other query languages put between conditions. They are refused, so that nobody believes they work; in
 * quotes they are ordinary text.
 */
export const CONNECTIVES: readonly string[] = ["AND", "OR", "NOT"];

import { DEAD_REASONS, LISTED_STATES, PRIORITIES } from "../states.ts";

/** The fields of a query whose value is a text, and what each of them is. */
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

/** The fields of a query that have one of some known values. */
export const CHOICE_FIELDS = { state: LISTED_STATES, reason: DEAD_REASONS, priority: PRIORITIES } as const;

/** The fields of a query whose value is a whole number, and what each of them is. */
export const NUMBER_FIELDS = { attempts: "attempts since the enqueue or the last replay" } as const;

/** The fields of a query whose value is a time, and what each of them is. */
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

/** The literal pieces of a text, with a wildcard between each two of them: `email.*` is `["email.", ""]`. */
export type Pattern = readonly string[];

/** A moment, as ms since the epoch or as ms from now. A moment in the past has a negative `in`. */
export type Moment = { readonly at: number } | { readonly in: number };

/** One step of a path into a payload: the name of a member, the index of an element, or null for each of them. */
export type Step = string | null;

/** Text in the id, type, last error, tags or payload. */
interface AnyClause {
  readonly kind: "any";
  readonly text: Pattern;
}

/** A text field is one of these texts, or contains one of them. */
interface TextClause {
  readonly kind: "text";
  readonly field: TextField;
  /** Whether a part of the field is enough. */
  readonly isPart: boolean;
  readonly matchCase: boolean;
  readonly anyOf: readonly Pattern[];
}

interface ChoiceClause {
  readonly kind: "choice";
  readonly field: ChoiceField;
  readonly anyOf: readonly string[];
}

/** Both limits belong to the range. */
interface NumberClause {
  readonly kind: "number";
  readonly field: NumberField;
  readonly from?: number;
  readonly to?: number;
}

/** `to` does not belong to the span. */
interface TimeClause {
  readonly kind: "time";
  readonly field: TimeField;
  readonly from?: Moment;
  readonly to?: Moment;
}

/** A value within a payload. */
export interface PayloadValue {
  readonly text: Pattern;
  /** Whether only a string can match, because the value was quoted or has characters that no other value has. */
  readonly isString: boolean;
}

/** A value in the payload is one of these values, or a string that contains one of them. */
interface PayloadClause {
  readonly kind: "payload";
  readonly path: readonly Step[];
  readonly isPart: boolean;
  readonly matchCase: boolean;
  readonly anyOf: readonly PayloadValue[];
}

export const COMPARISONS = [">=", "<=", ">", "<"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** A number in the payload is larger or smaller than this one, which is kept as text so that large numbers stay exact. */
interface CompareClause {
  readonly kind: "compare";
  readonly path: readonly Step[];
  readonly op: Comparison;
  readonly than: string;
}

/** One condition of a query. A task has to meet all of them. */
export type Clause = { readonly not: boolean } & (
  | AnyClause
  | TextClause
  | ChoiceClause
  | NumberClause
  | TimeClause
  | PayloadClause
  | CompareClause
);

/** Other names of fields. */
export const ALIASES: Readonly<Record<string, string>> = { created: "enqueued" };

/** The names of all fields of a query. */
export const QUERY_FIELDS: readonly string[] = [
  ...Object.keys(TEXT_FIELDS),
  ...Object.keys(CHOICE_FIELDS),
  ...Object.keys(NUMBER_FIELDS),
  ...Object.keys(TIME_FIELDS),
];

/** Words that other query languages have between clauses. They are refused unless they are quoted. */
export const CONNECTIVES: readonly string[] = ["AND", "OR", "NOT"];

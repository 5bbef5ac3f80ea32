import { CHOICE_FIELDS, NUMBER_FIELDS, TIME_FIELDS, valueText } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";

/** A text that the query bar can put in place of the word at the caret. */
export interface Suggestion {
  /** The text that replaces the word. */
  text: string;
  /** What the text means; empty if the text needs no explanation. */
  hint: string;
}

/** The values in the loaded tasks: name of the field -> values. */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

/** The word of the query that contains the caret. */
export interface Word {
  start: number;
  end: number;
  /** The part of the word before the caret. */
  typed: string;
}

const MOST = 12;
const AGES = ["<15m", "<1h", "<24h", "<7d", ">1h", ">24h"];
const COUNTS = [">1", ">3", "1"];
/** The fields and their hints, the most used fields first. */
const FIELDS: Readonly<Record<string, () => string>> = {
  type: () => t`the type of the task`,
  state: () => t`the state of the task, such as pending or dead`,
  tag: () => t`a tag of the task`,
  error: () => t`a part of the last error; with : its whole name or message`,
  reason: () => t`why the task died`,
  died: () => t`when the task died: <2h in the last two hours, >2h before that`,
  payload: () => t`a value in the payload, such as payload.customer.id=42`,
  queue: () => t`the name of the queue`,
  id: () => t`the id of the task; upper and lower case differ`,
  attempts: () => t`the number of attempts since the enqueue or the last replay`,
  enqueued: () => t`when the task was enqueued`,
  completed: () => t`when the task completed`,
  due: () => t`when a scheduled task is due; <2h within two hours`,
  ended: () => t`when the task ended, whatever its outcome`,
  time: () => t`the time by which the list is ordered`,
  priority: () => t`high, normal or low`,
  key: () => t`the flow-control key`,
  flow: () => t`the id of the flow`,
  signature: () => t`the error under which a dead letter is counted`,
};
/** The character after the name of a field, for fields where it is not a colon. */
const AFTER: Readonly<Record<string, string>> = { error: "~", payload: "." };
const CHOICES: Readonly<Record<string, readonly string[]>> = CHOICE_FIELDS;

/** Returns the word at the caret. A blank within quotes does not end a word. */
export function wordAt(text: string, caret: number): Word {
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (isQuoted && character === "\\") at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && /\s/.test(character)) {
      if (at >= caret) return { start, end: at, typed: text.slice(start, caret) };
      start = at + 1;
    }
  }
  return { start, end: text.length, typed: text.slice(start, caret) };
}

function valuesOf(field: string, known: KnownValues): readonly string[] {
  if (field in TIME_FIELDS || field === "created") return AGES;
  if (field in NUMBER_FIELDS) return COUNTS;
  return CHOICES[field] ?? known[field] ?? [];
}

/** Suggests fields, or the values of the field that was typed. A suggestion ends with a blank if its clause is complete. */
export function suggest(typed: string, known: KnownValues): Suggestion[] {
  const [, sign = "", field = "", op = "", value = ""] =
    /^(-?)([\w.]*)(==|~~|[:=~]|)(.*)$/s.exec(typed) ?? [];
  const name = field.toLowerCase();
  if (op === "") {
    return Object.entries(FIELDS)
      .filter(([each]) => each.startsWith(name))
      .map(([each, hint]) => ({
        text: `${sign}${each}${AFTER[each] ?? ":"}`,
        hint: hint(),
      }))
      .slice(0, MOST);
  }
  // Several values are separated by commas, and the user is typing the last one.
  const before = value.slice(0, value.lastIndexOf(",") + 1);
  const begun = value.slice(before.length).replaceAll('"', "").toLowerCase();
  const isWord = name in CHOICES || name in known;
  return valuesOf(name, known)
    .filter((each) => each.toLowerCase().includes(begun) && !before.includes(`${each},`))
    .slice(0, MOST)
    .map((each) => ({
      text: `${sign}${field}${op}${before}${isWord ? valueText(each) : each} `,
      hint: "",
    }));
}

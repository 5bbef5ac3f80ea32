import {
  type Backoff,
  type Given,
  isTaskKey,
  isTaskType,
  type Keep,
  LIMITS,
  type MissedPolicy,
  type OverlapPolicy,
  type Priority,
  type Unique,
  type UniqueConflict,
  type UniqueScope,
} from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import type { ScheduleBody, ScheduleView } from "../../api/schedules.ts";
import { count } from "../../format/number.ts";
import { utc, utcPrecise } from "../../format/time.ts";
import { queueNameError } from "../../ui/queue-field.tsx";
import { type SpanDraft, spanDraft, spanError, spanMsOf } from "../limits/limit-draft.ts";
import { payloadError } from "../task-fields.ts";

const SCHEDULE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The unique key as the user typed it. If it is empty, the tasks have no unique key. */
export interface UniqueDraft {
  key: string;
  scope: UniqueScope;
  window: SpanDraft;
  onConflict: Extract<UniqueConflict, "existing" | "replace" | "keepLatest">;
}

/**
 * The backoff as the user typed it. The kind `default` is the backoff of the worker. If a time is empty, its default
 * value applies.
 */
export interface BackoffDraft {
  kind: "default" | NonNullable<Backoff["kind"]>;
  base: SpanDraft;
  max: SpanDraft;
  jitter: NonNullable<Backoff["jitter"]>;
}

/** How long the tasks are kept, as the user typed it. If a field is empty, the settings of the queue apply. */
export interface KeepDraft {
  completed: SpanDraft;
  dead: SpanDraft;
  count: string;
}

/**
 * @param demo whether a new form proposes a demo task
 */
export function draftOf(schedule: ScheduleView | null, demo: boolean) {
  const options = schedule?.options;
  return {
    id: schedule?.id ?? "",
    queue: schedule?.queue ?? (demo ? "default" : ""),
    cron: schedule?.cron ?? "0 3 * * *",
    timeZone: schedule?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC",
    startAt: momentText(schedule?.startAt),
    endAt: momentText(schedule?.endAt),
    limit: schedule?.limit?.toString() ?? "",
    immediately: false,
    paused: false,
    type: schedule?.type ?? (demo ? "demo.echo" : ""),
    payloadText: schedule?.payloadText ?? "null",
    priority: options?.priority ?? ("normal" as Priority),
    maxRetries: options?.maxRetries?.toString() ?? "",
    backoff: backoffDraft(options?.backoff),
    timeout: optionalSpan(options?.timeoutMs),
    expiresAfter: optionalSpan(options?.expiresAfterMs),
    tags: options?.tags?.join(", ") ?? "",
    unique: uniqueDraft(options?.unique),
    keep: keepDraft(options?.keep),
    missed: schedule?.missed ?? ("once" as MissedPolicy),
    overlap: schedule?.overlap ?? ("allow" as OverlapPolicy),
  };
}

export type ScheduleDraft = ReturnType<typeof draftOf>;

function backoffDraft(backoff: Backoff | undefined): BackoffDraft {
  const { kind = "exponential", baseMs, maxMs, jitter = "full" } = backoff ?? {};
  return {
    kind: backoff === undefined ? "default" : kind,
    base: optionalSpan(baseMs, "s"),
    max: optionalSpan(maxMs),
    jitter,
  };
}

function uniqueDraft(unique: Unique | undefined): UniqueDraft {
  const { key = "", scope = "unfinished", windowMs, onConflict } = unique ?? {};
  return {
    key,
    scope,
    window: windowMs === undefined ? { amount: "1", unit: "h" } : spanDraft(windowMs),
    onConflict: onConflict === "replace" || onConflict === "keepLatest" ? onConflict : "existing",
  };
}

const keepDraft = (keep: Keep | undefined): KeepDraft => ({
  completed: optionalSpan(keep?.completedMs, "h"),
  dead: optionalSpan(keep?.deadMs, "d"),
  count: keep?.count?.toString() ?? "",
});

const optionalSpan = (ms: number | undefined, unit: SpanDraft["unit"] = "min"): SpanDraft =>
  ms === undefined ? { amount: "", unit } : spanDraft(ms);

/** Returns a moment as text. `momentOf` turns the text back into exactly the same moment. */
function momentText(at: number | null | undefined): string {
  if (at === null || at === undefined) return "";
  return at % 1_000 === 0 ? utc(at) : utcPrecise(at);
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2})(:\d{2}(?:\.\d{1,3})?)?(?: ?UTC|Z)?$/;

/** Returns the moment that the user typed in UTC, as ms since the epoch, or NaN if the text is not valid. */
export function momentOf(text: string): number {
  const [, day, minutes, seconds = ":00"] = MOMENT.exec(text.trim()) ?? [];
  if (day === undefined) return Number.NaN;
  const at = Date.parse(`${day}T${minutes}${seconds}Z`);
  // Date.parse accepts 31 February and returns 3 March. So the day of the result is compared with the typed one.
  return new Date(at).getUTCDate() === Number(day.slice(8)) ? at : Number.NaN;
}

const isGiven = (text: string) => text.trim() !== "";
const momentError = (text: string) =>
  isGiven(text) && Number.isNaN(momentOf(text)) ? t`A time in UTC, such as 2030-01-31 08:00.` : null;
const optionalSpanError = (span: SpanDraft) => (isGiven(span.amount) ? spanError(span) : null);
/** Returns a duration in ms. Unlike other durations, it may be 0. */
const timeMsOf = (span: SpanDraft): number => (span.amount.trim() === "0" ? 0 : spanMsOf(span));
const MOST_WAIT_MS = 86_400_000;
const waitError = ({ kind }: BackoffDraft, span: SpanDraft) =>
  kind === "default" || !isGiven(span.amount) || timeMsOf(span) <= MOST_WAIT_MS
    ? null
    : t`A whole number; at most 24 hours.`;
const keptTimeError = (span: SpanDraft) =>
  !isGiven(span.amount) || timeMsOf(span) <= LIMITS.keepMs ? null : t`A whole number; at most 365 days.`;
const keepCountError = (text: string) =>
  !isGiven(text) || (/^[1-9]\d{0,4}$/.test(text.trim()) && Number(text) <= LIMITS.keepCount)
    ? null
    : t`A whole number, 1 to ${count(LIMITS.keepCount)}.`;
const tagsOf = (text: string) =>
  text
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");

function tagsError(text: string): string | null {
  const tags = tagsOf(text);
  const isFine = tags.length <= LIMITS.tags && tags.every((tag) => tag.length <= LIMITS.tagCharacters);
  return isFine ? null : t`At most ${LIMITS.tags} tags of ${LIMITS.tagCharacters} characters.`;
}

export function errorsOf(draft: ScheduleDraft, isNew: boolean) {
  const { startAt, endAt, unique } = draft;
  const endsBefore = isGiven(startAt) && isGiven(endAt) && momentOf(endAt) < momentOf(startAt);
  return {
    id:
      !isNew || SCHEDULE_ID.test(draft.id)
        ? null
        : "Begin with a letter or digit; then letters, digits, - _ and . are allowed, at most 64 characters.",
    queue: queueNameError(draft.queue),
    type: isTaskType(draft.type)
      ? null
      : "Begin with a letter or digit; then letters, digits and _ . : / - are allowed, at most 128 characters.",
    payload: payloadError(draft.payloadText),
    maxRetries: /^\d{0,4}$/.test(draft.maxRetries.trim())
      ? null
      : t`A whole number, or nothing for the default.`,
    startAt: momentError(startAt),
    endAt: momentError(endAt) ?? (endsBefore ? t`It is before the start.` : null),
    limit:
      !isGiven(draft.limit) || /^[1-9]\d{0,14}$/.test(draft.limit.trim())
        ? null
        : t`A whole number, 1 or more, or nothing for no end.`,
    backoffBase: waitError(draft.backoff, draft.backoff.base),
    backoffMax: waitError(draft.backoff, draft.backoff.max),
    timeout: optionalSpanError(draft.timeout),
    expiresAfter: optionalSpanError(draft.expiresAfter),
    tags: tagsError(draft.tags),
    keepCompleted: keptTimeError(draft.keep.completed),
    keepDead: optionalSpanError(draft.keep.dead),
    keepCount: keepCountError(draft.keep.count),
    uniqueKey:
      unique.key === "" || isTaskKey(unique.key)
        ? null
        : t`At most ${LIMITS.keyBytes} bytes, without NUL, and not . or ..`,
    window: unique.key !== "" && unique.scope === "window" ? spanError(unique.window) : null,
  };
}

/** Returns the scopes of a unique key that are possible with this `onConflict`. */
export const scopesOf = (onConflict: UniqueDraft["onConflict"]): readonly UniqueScope[] =>
  onConflict === "existing"
    ? ["unfinished", "waiting", "window"]
    : onConflict === "replace"
      ? ["unfinished", "waiting"]
      : ["unfinished"];

function uniqueOf({ key, scope, window, onConflict }: UniqueDraft): Given<Unique> {
  return {
    key,
    ...(scope === "unfinished" ? {} : { scope }),
    ...(scope === "window" ? { windowMs: spanMsOf(window) } : {}),
    ...(onConflict === "existing" ? {} : { onConflict }),
  };
}

function backoffOf({ kind, base, max, jitter }: BackoffDraft): { backoff?: Given<Backoff> } {
  if (kind === "default") return {};
  return {
    backoff: {
      kind,
      ...(isGiven(base.amount) ? { baseMs: timeMsOf(base) } : {}),
      ...(isGiven(max.amount) ? { maxMs: timeMsOf(max) } : {}),
      ...(jitter === "none" ? { jitter } : {}),
    },
  };
}

function keepOf({ completed, dead, count: most }: KeepDraft): { keep?: Given<Keep> } {
  const keep = {
    ...(isGiven(completed.amount) ? { completedMs: timeMsOf(completed) } : {}),
    ...(isGiven(dead.amount) ? { deadMs: spanMsOf(dead) } : {}),
    ...(isGiven(most) ? { count: Number(most) } : {}),
  };
  return Object.keys(keep).length === 0 ? {} : { keep };
}

/** Returns the request body for a draft that has no errors. */
export function bodyOf(draft: ScheduleDraft, isNew: boolean): ScheduleBody {
  const tags = tagsOf(draft.tags);
  return {
    queue: draft.queue,
    cron: draft.cron.trim(),
    timeZone: draft.timeZone,
    ...(isGiven(draft.startAt) ? { startAt: momentOf(draft.startAt) } : {}),
    ...(isGiven(draft.endAt) ? { endAt: momentOf(draft.endAt) } : {}),
    ...(isGiven(draft.limit) ? { limit: Number(draft.limit) } : {}),
    ...(isNew && draft.immediately && !isGiven(draft.startAt) ? { immediately: true } : {}),
    ...(isNew && draft.paused ? { paused: true } : {}),
    type: draft.type,
    payloadText: draft.payloadText,
    missed: draft.missed,
    overlap: draft.overlap,
    options: {
      ...(draft.priority === "normal" ? {} : { priority: draft.priority }),
      ...(isGiven(draft.maxRetries) ? { maxRetries: Number(draft.maxRetries) } : {}),
      ...backoffOf(draft.backoff),
      ...(isGiven(draft.timeout.amount) ? { timeoutMs: spanMsOf(draft.timeout) } : {}),
      ...(isGiven(draft.expiresAfter.amount) ? { expiresAfterMs: spanMsOf(draft.expiresAfter) } : {}),
      ...(tags.length === 0 ? {} : { tags }),
      ...keepOf(draft.keep),
      ...(draft.unique.key === "" ? {} : { unique: uniqueOf(draft.unique) }),
    },
  };
}

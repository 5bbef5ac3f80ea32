import { hash } from "node:crypto";
import type { TaskSteps, TaskStepView } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Request, TaskScripts } from "./task-scripts.ts";
import { decodeWord, encodeWord } from "./text.ts";

/** "s" is a step, "z" a sleep, "w" a wait for a signal, and "c" a call of another task. */
export type StepKind = "s" | "z" | "w" | "c";

/** A durable step as it is stored in Redis. lua/lib/steps.lua describes the text. */
export interface StoredStep {
  /** The position among the steps of the task, from 1. */
  place: number;
  kind: StepKind;
  /** "d" is done, "o" open, and "t" timed out. */
  outcome: "d" | "o" | "t";
  /** When the step was done. For an open sleep or wait, when it will end. Milliseconds since the epoch. */
  at: number;
  /** The size of the text in bytes. */
  bytes: number;
  name: string;
  /** The result as JSON text; undefined if it is long. `readStepText` reads a long one when it is needed. */
  text: string | undefined;
}

/** A signal that waits until the handler asks for it. */
export interface KeptSignal {
  at: number;
  bytes: number;
  event: string;
}

/** The durable steps of a task, as they are stored in Redis. */
export interface StoredSteps {
  /** The number under which Redis stores these steps; "" if there are none. A replayed task gets a new number. */
  serial: string;
  places: number;
  bytes: number;
  steps: StoredStep[];
  signals: KeptSignal[];
}

/** A step that a handler has ended or begun. */
export interface NewStep extends Pick<StoredStep, "place" | "kind" | "name"> {
  outcome: "d" | "o";
  text: string;
  /** For a sleep: how long it takes, ms. */
  waitMs?: number;
}

/** A wait for signals, or for the end of a called task. */
export interface NewWait extends Pick<StoredStep, "place" | "name"> {
  kind: "w" | "c";
  timeoutMs: number;
  events: readonly string[];
}

/** The answer to a wait. "ended": the called task has ended without a result. "stale": the lease is lost. */
export type WaitAnswer =
  | { kind: "signal"; event: string; data: string }
  | { kind: "open"; until: number }
  | { kind: "timed_out" | "ended" | "stale" };

/** What happened to a signal. `kept`: stored until a handler waits for it. `ended`: refused, the task has ended. */
export type SignalOutcome = "delivered" | "kept" | "ended" | "not_found";

/** A task, and the fence of the lease that the caller holds. */
export interface Leased {
  id: string;
  fence: string;
}

function decodeStep(text: string, place: number): StoredStep[] {
  const [, kind, outcome, at, bytes, name = "", rest] =
    /^(\w) (\w) (\d+) (\d+) (\S+)(?:\n([\s\S]*))?$/.exec(text) ?? [];
  if (kind === undefined) return [];
  return [
    {
      place,
      kind: kind as StepKind,
      outcome: outcome as StoredStep["outcome"],
      at: Number(at),
      bytes: Number(bytes),
      name: decodeWord(name),
      text: kind === "z" ? "" : rest,
    },
  ];
}

/** Reads the steps of a task. @param last the most steps to read; if the task has more, the last ones are read */
export async function readSteps(engine: TaskScripts, id: string, last = 1_000): Promise<StoredSteps> {
  const [head = "", ...texts] = await engine.connection.script<scripts.StepsArgs, string[]>(
    scripts.stepsScript,
    engine.keys,
    { taskId: id, last },
  );
  const [first = "", ...lines] = head.split("\n");
  const [serial = "", places, bytes] = first.split(" ");
  const before = Number(places ?? 0) - texts.length;
  // An open sleep is a line of the first text, and has no text of its own.
  for (const line of lines.filter((line) => line.startsWith("/"))) {
    const [place, at, name = "sleep"] = line.slice(1).split(" ");
    const index = Number(place) - before - 1;
    if (index >= 0) texts[index] = `z o ${at} 0 ${name}`;
  }
  return {
    serial,
    places: Number(places ?? 0),
    bytes: Number(bytes ?? 0),
    steps: texts.flatMap((text, i) => decodeStep(text, before + i + 1)),
    signals: lines.flatMap((line) => {
      if (line.startsWith("/")) return [];
      const [, at, size, event = ""] = line.split(" ");
      return [{ at: Number(at), bytes: Number(size), event: decodeWord(event) }];
    }),
  };
}

/** The dashboard and the API show at most this many steps of a task. */
export const SHOWN_STEPS = 100;

const KINDS: Record<StepKind, TaskStepView["kind"]> = { s: "step", z: "sleep", w: "wait", c: "call" };
const OUTCOMES: Record<StoredStep["outcome"], TaskStepView["outcome"]> = {
  ...{ d: "done", o: "open", t: "timed_out" },
};

/**
 * Returns the steps of a task for display, without their texts; null if there are none.
 * @param now the time of Redis. Nothing is written when a sleep ends, so this time decides whether it has ended
 */
export function stepsView(
  { serial, places, bytes, steps, signals }: StoredSteps,
  now: number,
): TaskSteps | null {
  if (serial === "") return null;
  const shown = steps.map(({ name, kind, outcome, at, bytes: size, text = "" }) => ({
    ...{ name, kind: KINDS[kind], at, bytes: size },
    outcome: kind === "z" && at <= now ? ("done" as const) : OUTCOMES[outcome],
    calledId: kind === "c" && outcome === "o" ? decodeWord(text).replace("=", "") : null,
  }));
  return { count: places, bytes, steps: shown, signals };
}

/** Reads the text of one step, if it was too long to be read with the others. */
export async function readStepText(engine: TaskScripts, serial: string, place: number): Promise<string> {
  const field = `${serial}/${place}/`;
  return (await engine.connection.command<string | null>("HGET", engine.keys.steps, field)) ?? "";
}

/** Stores a step. @returns when it was done, or when the sleep ends, ms since the epoch; 0 if the lease is lost */
export function writeStep(engine: TaskScripts, { id, fence }: Leased, step: NewStep): Promise<number> {
  const { place, kind, outcome, name, text, waitMs = 0 } = step;
  return engine.connection.script<scripts.StepArgs, number>(scripts.stepScript, engine.keys, {
    clockMs: engine.clockMs(),
    taskId: id,
    ...{ fence, place, kind, outcome, waitMs, text },
    name: encodeWord(name),
  });
}

export async function waitForSignal(
  engine: TaskScripts,
  { id, fence }: Leased,
  { place, kind, timeoutMs, name, events }: NewWait,
): Promise<WaitAnswer> {
  const [letter, first, data = ""] = await engine.connection.script<
    scripts.WaitForArgs,
    [letter: string, first?: string | number, data?: string]
  >(scripts.waitForScript, engine.keys, {
    clockMs: engine.clockMs(),
    taskId: id,
    ...{ fence, place, kind, timeoutMs },
    name: encodeWord(name),
    eventNames: eventsText(events),
  });
  if (letter === "d") return { kind: "signal", event: decodeWord(String(first)), data };
  if (letter === "o") return { kind: "open", until: Number(first) };
  return { kind: letter === "t" ? "timed_out" : letter === "e" ? "ended" : "stale" };
}

/** Encodes the events that a task waits for as one word without spaces. */
export function eventsText(events: readonly string[]): string {
  return events.map(encodeWord).join(",");
}

/**
 * Returns the request id that all calls with one idempotency key share, so that only the first one does anything. Redis
 * forgets it an hour after that call.
 * @param id the task of these calls
 */
export function keyedRequest(id: string, key: string): Request {
  return { requestSlot: `#q:${hash("sha256", `${id} ${key}`, "base64url")}:0`, sequence: 1 };
}

/**
 * Gives a signal to a task.
 * @param dataText the data of the signal as JSON text, "" for none
 * @param request the request id of a caller that repeats the call until it is answered @default a new one
 */
export function sendSignal(
  engine: TaskScripts,
  id: string,
  event: string,
  dataText: string,
  request?: Request,
): Promise<SignalOutcome> {
  return engine.runRequest<scripts.SignalArgs, SignalOutcome>(
    scripts.signalScript,
    { taskId: id, event: encodeWord(event), data: dataText },
    request,
  );
}

/** Removes about `limit` stored steps whose tasks no longer exist. */
export async function freeSteps(
  engine: TaskScripts,
  limit: number,
): Promise<{ freed: number; left: number }> {
  const [freed, left] = await engine.connection.script<scripts.FreeStepsArgs, [number, number]>(
    scripts.freeStepsScript,
    engine.keys,
    { limit },
  );
  return { freed, left };
}

import type { Limit, LimitsView, QueueLimits, TaskKeyView } from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { RATE_LATE } from "./format.ts";
import { decodeWord, encodeWord } from "./text.ts";

/** What changes for a key, or for the hold of the whole queue. */
export interface KeyChange {
  /** For how long no task is granted, ms; 0: it goes on. @default as it was */
  holdMs?: number | undefined;
  /** In place of the limit of all keys; null: that one again. @default as it was */
  limit?: Limit | null | undefined;
  /** For how long the own limit holds, ms; 0 for ever. @default 0 */
  lastsMs?: number | undefined;
}

/** `concurrency rate periodMs burst weight`, as lua/lib/accounts.lua reads it. */
function limitText({ concurrency, rate, weight }: Limit): string {
  const { limit = "-", periodMs = 0, burst = 1 } = rate ?? {};
  return `${concurrency ?? "-"} ${limit} ${periodMs} ${rate ? burst : 0} ${weight ?? 1}`;
}

function parseLimit(text: string): Limit {
  const [concurrency = "-", limit = "-", periodMs, burst, weight] = text.split(" ");
  return {
    ...(concurrency === "-" ? {} : { concurrency: Number(concurrency) }),
    ...(limit === "-"
      ? {}
      : { rate: { limit: Number(limit), periodMs: Number(periodMs), burst: Number(burst) } }),
    ...(weight === "1" ? {} : { weight: Number(weight) }),
  };
}

const SCOPES = ["queue", "key"] as const;

function limitsText(limits: QueueLimits): string {
  return SCOPES.flatMap((scope) => {
    const limit = limits[scope];
    return limit === undefined ? [] : [`${scope} ${limitText(limit)}`];
  }).join("\n");
}

function wholeOf(text: string): QueueLimits {
  const [, line] = /^whole (.*)$/m.exec(text) ?? [];
  return line === undefined ? {} : { queue: parseLimit(line) };
}

function parseLimits(text: string): QueueLimits {
  const limits: QueueLimits = {};
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const scope = SCOPES.find((name) => name === line.slice(0, space));
    if (scope !== undefined) limits[scope] = parseLimit(line.slice(space + 1));
  }
  return limits;
}

/** What holds a key or the queue back. @param running tasks that run under the limit */
function blockOf(
  limit: Limit | undefined,
  running: number,
  { tat, heldUntil }: { tat: number; heldUntil: number },
  now: number,
): Pick<TaskKeyView, "heldUntil" | "blockedBy" | "nextAt"> {
  const held = heldUntil > now ? heldUntil : null;
  const { rate, concurrency = Number.POSITIVE_INFINITY } = limit ?? {};
  const intervalMs = rate ? rate.periodMs / rate.limit : 0;
  const allowedAt = Math.ceil(tat - ((rate?.burst ?? 1) - 1 + RATE_LATE) * intervalMs);
  const late = rate !== undefined && allowedAt > now ? allowedAt : null;
  const blockedBy =
    held !== null ? "hold" : running >= concurrency ? "concurrency" : late !== null ? "rate" : null;
  const nextAt = held !== null || late !== null ? Math.max(held ?? 0, late ?? 0) : null;
  return { heldUntil: held, blockedBy, nextAt };
}

function parseAccount(text: string) {
  const [first = "0", turn = "0", tat = "0", heldUntil = "0", ...override] = text.split(" ");
  return {
    running: Number(first),
    turn: Number(turn),
    tat: Number(tat),
    heldUntil: Number(heldUntil),
    override: override.length > 0 ? override.slice(0, 5).join(" ") : null,
    until: Number(override[5] ?? 0),
  };
}

function keyView(limits: QueueLimits, now: number, raw: [string, number, string]): TaskKeyView {
  const [word, waiting, text] = raw;
  const { running, tat, heldUntil, override, until } = parseAccount(text);
  const own = override !== null && (until === 0 || until > now) ? parseLimit(override) : null;
  return {
    key: decodeWord(word),
    waiting,
    running,
    limit: own,
    limitUntil: own !== null && until > 0 ? until : null,
    ...blockOf(own ?? limits.key, running, { tat, heldUntil }, now),
  };
}

/** Sets the limits of one part of a queue. @param whole those of the queue, of which the part keeps a share */
export async function setLimits(engine: Engine, limits: QueueLimits, whole = limits): Promise<void> {
  const { connection, keys } = engine;
  const lines = [limitsText(limits), ...(whole.queue ? [`whole ${limitText(whole.queue)}`] : [])].join("\n");
  await connection.script<scripts.LimitsArgs, number>(scripts.limitsScript, keys, { lines });
  for (;;) {
    const last = await connection.script<scripts.OpenKeysArgs, string>(scripts.openKeysScript, keys, {
      clockMs: engine.clockMs(),
      limit: KEYS_PER_CALL,
    });
    if (last === "") return;
  }
}

const KEYS_PER_CALL = 500;

/** @param key null for the queue, which can only be held */
export async function changeKey(engine: Engine, key: string | null, change: KeyChange): Promise<void> {
  const { limit, holdMs = -1, lastsMs = 0 } = change;
  await engine.connection.script<scripts.KeyArgs, string>(scripts.keyScript, engine.keys, {
    clockMs: engine.clockMs(),
    taskKey: key === null ? "" : encodeWord(key),
    holdMs,
    override: limit === undefined ? "=" : limit === null ? "" : `${limitText(limit)} ${lastsMs}`,
  });
}

export interface KeysPage {
  /** Of this part. */
  limits: LimitsView;
  /** The limits of the queue, of which this part keeps a share. */
  whole: QueueLimits;
  keys: TaskKeyView[];
  /** The key to go on behind; null at the end. */
  cursor: string | null;
}

/** The limits of one part of a queue, and the keys asked for: a page of those with waiting tasks, or the given ones. */
export async function readKeys(
  engine: Engine,
  ask: { after?: string; limit?: number; keys?: readonly string[] },
): Promise<KeysPage> {
  const [now, text, account, processing, following, ...rest] = await engine.connection.script<
    scripts.KeysArgs,
    [number, string, string, string, string, ...(string | number)[]]
  >(scripts.keysScript, engine.keys, {
    clockMs: engine.clockMs(),
    after: ask.after === undefined ? "" : encodeWord(ask.after),
    limit: ask.limit ?? 0,
    tail: (ask.keys ?? []).map(encodeWord),
  });
  const limits = parseLimits(text);
  const running = Number(processing);
  const keys: TaskKeyView[] = [];
  for (let at = 0; at < rest.length; at += 3)
    keys.push(keyView(limits, now, [String(rest[at]), Number(rest[at + 1]), String(rest[at + 2])]));
  return {
    limits: {
      queue: engine.queue,
      at: now,
      limits,
      running,
      ...blockOf(limits.queue, running, parseAccount(account), now),
    },
    whole: { ...limits, ...wholeOf(text) },
    keys,
    cursor: following === "" ? null : decodeWord(following),
  };
}

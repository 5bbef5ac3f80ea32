import type {
  KeyLimits,
  Limit,
  LimitsView,
  QueueLimits,
  TaskKeyView,
  TaskTypeView,
} from "@holdfast/contracts";
import * as scripts from "../redis/generated/index.ts";
import type { Engine } from "./engine.ts";
import { HELD_FOR_EVER, RATE_LATE } from "./format.ts";
import { parseShares, type ShareView } from "./shared-limits.ts";
import { decodeWord, encodeWord } from "./text.ts";

/** A change of a hold (no task of a key, a type or the queue starts for a time) or of the limit of a key. */
export interface KeyChange {
  /** For how long no task may start, ms; 0 ends the hold. @default unchanged */
  holdMs?: number | undefined;
  /** A limit for this key only, which replaces the limit of all keys; null removes it. @default unchanged */
  limit?: Limit | null | undefined;
  /** How long the limit of this key lasts, ms; 0 for ever. @default 0 */
  lastsMs?: number | undefined;
}

/** Writes a limit for lua/lib/accounts.lua: `concurrency rate periodMs burst weight`, such as `5 100 60000 1 1`. */
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

/** Writes the limits as lines, which lua/lib/accounts.lua reads. */
function limitsText(limits: QueueLimits): string {
  const scopes = SCOPES.flatMap((scope) => {
    const limit = limits[scope];
    return limit === undefined ? [] : [`${scope} ${limitText(limit)}`];
  });
  const types = Object.entries(limits.types ?? {}).flatMap(([type, limit]) =>
    limit === undefined ? [] : [`type ${type} ${limitText(limit)}`],
  );
  const policy = policyText(limits);
  return [...scopes, ...types, ...(policy === undefined ? [] : [policy])].join("\n");
}

/** Writes the line `policy`, which lua/lib/policies.lua reads; undefined if every value is the default. */
function policyText({ key, fairBy }: QueueLimits): string | undefined {
  const { ordered = false, onDead, whenFull = "wait", maxWaiting } = key ?? {};
  const words = [
    ...(ordered ? ["ordered=1"] : []),
    ...(onDead === "stop" ? ["stop=1"] : []),
    ...(whenFull === "wait" ? [] : [`full=${whenFull === "drop-new" ? "drop" : "cancel"}`]),
    ...(maxWaiting === undefined ? [] : [`max=${maxWaiting}`]),
    ...(fairBy === "time" ? ["fair=time"] : []),
  ];
  return words.length === 0 ? undefined : ["policy", ...words].join(" ");
}

function parsePolicy(text: string): Pick<QueueLimits, "fairBy"> & { key: KeyLimits } {
  const words = new Map(text.split(" ").map((word) => word.split("=") as [string, string]));
  const max = words.get("max");
  const full = words.get("full");
  return {
    key: {
      ...(words.has("ordered") ? { ordered: true } : {}),
      ...(words.has("stop") ? { onDead: "stop" } : {}),
      ...(full === undefined ? {} : { whenFull: full === "drop" ? "drop-new" : "cancel-running" }),
      ...(max === undefined ? {} : { maxWaiting: Number(max) }),
    },
    ...(words.has("fair") ? { fairBy: "time" } : {}),
  };
}

/** The line of a task type, such as `type email.send 5 - 0 0 1`. `- - 0 0 1` means no limit: the type was only held. */
const TYPE_LINE = /^type (\S+) (.*)$/gm;

function parseLimits(text: string): QueueLimits {
  const limits: QueueLimits = {};
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const scope = SCOPES.find((name) => name === line.slice(0, space));
    if (scope !== undefined) limits[scope] = parseLimit(line.slice(space + 1));
  }
  const types = [...text.matchAll(TYPE_LINE)]
    .map(([, type = "", limit = ""]) => [type, parseLimit(limit)] as const)
    .filter(([, limit]) => Object.keys(limit).length > 0);
  if (types.length > 0) limits.types = Object.fromEntries(types);
  const [, policy] = /^policy (.*)$/m.exec(text) ?? [];
  if (policy === undefined) return limits;
  const { key, ...rest } = parsePolicy(policy);
  return {
    ...limits,
    ...rest,
    ...(limits.key || Object.keys(key).length > 0 ? { key: { ...limits.key, ...key } } : {}),
  };
}

/** Returns why no task of a key, a type or the queue may start. @param running tasks that run under the limit */
function blockOf(
  limit: Limit | undefined,
  running: number,
  { tat, heldUntil }: { tat: number; heldUntil: number },
  now: number,
): Pick<TaskKeyView, "heldUntil" | "blockedBy" | "nextAt"> {
  const stopped = heldUntil >= HELD_FOR_EVER;
  const held = heldUntil > now && !stopped ? heldUntil : null;
  const { rate, concurrency = Number.POSITIVE_INFINITY } = limit ?? {};
  const intervalMs = rate ? rate.periodMs / rate.limit : 0;
  const allowedAt = Math.ceil(tat - ((rate?.burst ?? 1) - 1 + RATE_LATE) * intervalMs);
  const late = rate !== undefined && allowedAt > now ? allowedAt : null;
  const blockedBy = stopped
    ? "stopped"
    : held !== null
      ? "hold"
      : running >= concurrency
        ? "concurrency"
        : late !== null
          ? "rate"
          : null;
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

/** Returns the task types with a limit or a hold. @param accounts in the order of the lines of the types */
function typeViews(
  text: string,
  limits: QueueLimits,
  accounts: readonly string[],
  now: number,
): TaskTypeView[] {
  return [...text.matchAll(TYPE_LINE)]
    .map(([, type = ""], place) => {
      const account = parseAccount(accounts[place] ?? "");
      const block = blockOf(limits.types?.[type], account.running, account, now);
      return { type, running: account.running, ...block } as TaskTypeView;
    })
    .filter(({ type, heldUntil }) => limits.types?.[type] !== undefined || heldUntil !== null);
}

/** Replaces the limits of one queue or partition. */
export async function setLimits(engine: Engine, limits: QueueLimits): Promise<void> {
  const { connection, keys } = engine;
  await connection.script<scripts.LimitsArgs, number>(scripts.limitsScript, keys, {
    clockMs: engine.clockMs(),
    lines: limitsText(limits),
  });
  for (;;) {
    const last = await connection.script<scripts.OpenKeysArgs, string>(scripts.openKeysScript, keys, {
      clockMs: engine.clockMs(),
      limit: KEYS_PER_CALL,
    });
    if (last === "") return;
  }
}

export const KEYS_PER_CALL = 500;

/** What a change applies to: a key, a type, or the queue. For a type and the queue only a hold can be changed. */
export type Held = { key: string } | { type: string } | "queue";

export async function changeKey(engine: Engine, of: Held, change: KeyChange): Promise<void> {
  const { limit, holdMs = -1, lastsMs = 0 } = change;
  await engine.connection.script<scripts.KeyArgs, string>(scripts.keyScript, engine.keys, {
    clockMs: engine.clockMs(),
    taskKey: of === "queue" ? "" : "key" in of ? encodeWord(of.key) : ` /${of.type}`,
    holdMs,
    override: limit === undefined ? "=" : limit === null ? "" : `${limitText(limit)} ${lastsMs}`,
  });
}

export interface KeysPage {
  /** The limits of this queue or partition. */
  limits: Omit<LimitsView, "shared">;
  /** The shares of this queue or partition in limits that several queues share. */
  shares: ShareView[];
  keys: TaskKeyView[];
  /** The key after which the next page begins; null after the last page. */
  cursor: string | null;
}

/** Reads the limits of one queue or partition, and a page of its keys with waiting tasks, or the given keys. */
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
  const [own = "", ...others] = account.split("\n");
  const shares = parseShares(text);
  const ofShares = others.slice(0, shares.length);
  const block = blockOf(limits.queue, running, parseAccount(own), now);
  const blocks = shares.map(({ limit }, place) =>
    blockOf(limit, running, parseAccount(ofShares[place] ?? ""), now),
  );
  const shared = blocks.find(({ blockedBy }) => blockedBy !== null);
  const keys: TaskKeyView[] = [];
  for (let at = 0; at < rest.length; at += 3)
    keys.push(keyView(limits, now, [String(rest[at]), Number(rest[at + 1]), String(rest[at + 2])]));
  return {
    limits: {
      queue: engine.queue,
      at: now,
      limits,
      running,
      types: typeViews(text, limits, others.slice(shares.length), now),
      ...(block.blockedBy === null && shared ? { ...shared, blockedBy: "shared" } : block),
    },
    shares,
    keys,
    cursor: following === "" ? null : decodeWord(following),
  };
}

/** How many fields one HSCAN looks at. Redis needs less than 1 ms for them. */
const FIELDS_PER_CALL = 1_000;

/** Finds keys with an account by reading `fields` fields. @param most the scan stops at about this many keys */
export async function scanAccounts(
  engine: Engine,
  fields: number,
  most: number,
): Promise<{ keys: string[]; isWhole: boolean }> {
  const found = new Set<string>();
  let cursor = "0";
  for (let looked = 0; looked < fields && found.size < most; looked += FIELDS_PER_CALL) {
    const [next, flat] = await engine.connection.command<[string, string[]]>(
      "HSCAN",
      engine.keys.state,
      ...[cursor, "MATCH", "@[^ ]*", "COUNT", FIELDS_PER_CALL],
    );
    for (let at = 0; at < flat.length; at += 2) found.add(decodeWord((flat[at] as string).slice(1)));
    cursor = next;
    if (cursor === "0") return { keys: [...found], isWhole: true };
  }
  return { keys: [...found], isWhole: false };
}

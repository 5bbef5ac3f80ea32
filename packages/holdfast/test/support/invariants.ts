import type { Redis } from "ioredis";
import { decodeRecord, type StateRecord } from "../../src/engine/record.ts";
import type { QueueKeys } from "../../src/redis/keys.ts";

const COUNTED = ["pending", "scheduled", "processing", "completed", "dead", "cancelled", "expired"] as const;
const INDEXES = [
  "pendingSolo",
  "pendingHigh",
  "pending",
  "pendingLow",
  "pendingTyped",
  "pendingKeyed",
  "processing",
  "scheduled",
  "deadLetters",
  "completed",
  "cancelled",
  "expired",
  "discarded",
] as const;
// The end of a hold that has no end, ms since the epoch.
const FOR_EVER = 8_640_000_000_000_000;
const PENDING_LISTS: readonly string[] = INDEXES.slice(0, 6);

// One script reads everything, so all data is of the same moment. It shares no code with the scripts of the product.
const READ = `
local out = {}
for i = 1, 13 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  out[i] = kind == 'list' and redis.call('LRANGE', KEYS[i], 0, -1) or kind == 'zset' and redis.call('ZRANGE', KEYS[i], 0, -1) or {}
end
for _, at in ipairs({ 5, 6 }) do
  for i, member in ipairs(out[at]) do out[at][i] = string.match(member, '%S+$') end
end
out[19] = redis.call('HGETALL', KEYS[18])
out[20], out[21] = redis.call('ZRANGE', KEYS[19], 0, -1, 'WITHSCORES'), redis.call('ZRANGE', KEYS[20], 0, -1)
out[22] = redis.call('ZRANGE', KEYS[21], 0, -1, 'WITHSCORES')
out[17], out[18] = redis.call('ZRANGE', KEYS[16], 0, -1), redis.call('ZRANGE', KEYS[17], 0, -1)
out[14] = redis.call('HGETALL', KEYS[14])
out[15] = redis.call('HGETALL', KEYS[15])
out[16] = {}
local function numbers(raw, format)
  for _, number in ipairs(raw and { struct.unpack(format, raw) } or {}) do
    table.insert(out[16], string.format('%.0f', number))
  end
  if raw then table.remove(out[16]) end
end
numbers(redis.call('HGET', KEYS[14], '#in') or string.rep('\\0', 24), '>ddd')
numbers(redis.call('HGET', KEYS[15], '#counters') or string.rep('\\0', 216), '>' .. string.rep('d', 27))
return out`;

/** All data of a queue in Redis, read at one moment. */
export interface QueueSnapshot {
  /** Every task that has an envelope, or whose record contains the header of its envelope. */
  tasks: Map<string, StateRecord & { raw: string }>;
  /** The ids of purged tasks whose record is kept, so that a repeated enqueue is still recognised. */
  remembered: Set<string>;
  /** How many completed tasks have the header of their envelope in the record, according to the counter. */
  headersCounted: number;
  /** The ids of completed tasks whose envelope was removed; its header is in the record (lua/lib/record.lua). */
  headers: string[];
  /** The ids in the lists of kept tasks per type (`kept:types`). */
  lined: string[];
  /** When completed tasks with the option `keep` are removed: id -> time. */
  kept: Map<string, string>;
  /** Tasks with the option `keep` that would be removed at a wrong time. */
  wrongTimes: string[];
  /** The ids in each index. `completed` also contains the tasks of `kept`. */
  indexes: Record<(typeof INDEXES)[number], string[]>;
  accepted: number;
  purged: number;
  /**
   * For each key, and for each type with a limit (as ` /type`): how many tasks count as running, how many are leased,
   * and how many wait.
   */
  taskKeys: Map<string, { running: number; leased: number; waiting: number; isFull: boolean }>;
  /**
   * For each unique key: the unfinished tasks that hold the key until they end, and the task that its entry in Redis
   * names.
   */
  uniqueKeys: Map<string, { holders: string[]; entry: string | undefined }>;
  /** The states of the unfinished tasks with keepLatest: unique key -> states. */
  latestKeys: Map<string, string[]>;
  ready: Set<string>;
  resting: Set<string>;
  /**
   * After a change of limits, the calls look at all keys in turn. They have not looked at the keys after this one
   * yet.
   */
  opening: string | undefined;
  /** The values of the counters, in the order of `COUNTED`. */
  counted: number[];
  /** How many nodes wait, and how many were skipped, according to the counters. */
  waitingCounted: number;
  skippedCounted: number;
  /** How many nodes are on their way to another queue, according to the counter and to the envelopes. */
  leavingCounted: number;
  leaving: number;
  /** The violations in the counts of flows and of waiting nodes. */
  flows: string[];
  /** The violations in the counts of errors. */
  errors: string[];
  /**
   * How many failures Redis has counted in all errors. Failures without a signature (the text that groups equal errors)
   * are included.
   */
  failures: number;
}

function pairs(flat: string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] as string, flat[i + 1] as string);
  return map;
}

/** Counts the tasks of each key. @param lined the ids in the waiting lines of the keys */
function taskKeysOf(
  tasks: QueueSnapshot["tasks"],
  envelopes: Map<string, string>,
  records: Map<string, string>,
  lined: string[],
): QueueSnapshot["taskKeys"] {
  const found: QueueSnapshot["taskKeys"] = new Map();
  const limits = records.get("#limits") ?? "";
  const [, general = "-"] = /^key (\S+)/m.exec(limits) ?? [];
  const isOrdered = /^policy.* ordered=1/m.test(limits);
  const keyOf = (key: string) => {
    const [running = "0", , , heldUntil, own] = (records.get(`@${key}`) ?? "").split(" ");
    const known = { running: Number(running), leased: 0, waiting: 0, isFull: false };
    const concurrency = isOrdered ? "1" : (own ?? general);
    const isStopped = Number(heldUntil) === FOR_EVER;
    known.isFull = isStopped || (concurrency !== "-" && known.running >= Number(concurrency));
    found.set(key, found.get(key) ?? known);
    return found.get(key) as typeof known;
  };
  for (const field of records.keys()) if (/^@./.test(field)) keyOf(field.slice(1));
  for (const [id, { state, raw }] of tasks) {
    const [, type] = /^l[^\s@]*@[^\s/]*\/(\S+)/.exec(raw) ?? [];
    if (type !== undefined) keyOf(` /${type}`).leased++;
    const [, key] = /^[+@&]\S+ \S+[^\n]* q=(\S+)/.exec(envelopes.get(id) ?? "") ?? [];
    if (key === undefined) continue;
    if (state === "processing") keyOf(key).leased++;
    if (state === "pending" && lined.includes(id)) keyOf(key).waiting++;
  }
  return found;
}

function latestKeysOf(
  tasks: QueueSnapshot["tasks"],
  envelopes: Map<string, string>,
): QueueSnapshot["latestKeys"] {
  const found: QueueSnapshot["latestKeys"] = new Map();
  for (const [id, { state }] of tasks) {
    const [, key] = /^[+@]\S+ \S+[^\n]* u=ul,(\S+)/.exec(envelopes.get(id) ?? "") ?? [];
    if (key === undefined || !["pending", "scheduled", "processing"].includes(state)) continue;
    found.set(key, [...(found.get(key) ?? []), state]);
  }
  return found;
}

/** @param entries the Redis hash `unique` */
function uniqueKeysOf(
  tasks: QueueSnapshot["tasks"],
  envelopes: Map<string, string>,
  entries: Map<string, string>,
): QueueSnapshot["uniqueKeys"] {
  const found: QueueSnapshot["uniqueKeys"] = new Map();
  for (const [id, { state }] of tasks) {
    const [, key] = /^[+@]\S+ \S+[^\n]* u=u[eprd]\d*,(\S+)/.exec(envelopes.get(id) ?? "") ?? [];
    if (key === undefined || !["pending", "scheduled", "processing"].includes(state)) continue;
    const known = found.get(key) ?? { holders: [], entry: entries.get(key)?.split(" ")[0] };
    found.set(key, { ...known, holders: [...known.holders, id] });
  }
  return found;
}

/** @param times when the tasks are removed: id -> time, for each state */
function wrongTimesOf(
  tasks: QueueSnapshot["tasks"],
  envelopes: Map<string, string>,
  times: Record<string, Map<string, string>>,
): string[] {
  const found: string[] = [];
  for (const [id, { state, endedAt, raw }] of tasks) {
    const header = envelopes.get(id)?.split("\n")[0] ?? raw.split("\n")[0] ?? "";
    const [, completedMs = "", deadMs = "", count = ""] = / l=(\d*),(\d*),(\d*)/.exec(header) ?? [];
    const given = state === "completed" ? completedMs : state === "dead" ? deadMs : "";
    const at = times[state]?.get(id);
    if (given !== "" && Number(at) !== Number(endedAt) + Number(given))
      found.push(
        `I1: ${id} is ${state} since ${endedAt} and has to be kept for ${given} ms, but kept names ${at}`,
      );
    if (state === "completed" && at !== undefined && completedMs + count === "")
      found.push(`I1: kept holds ${id}, which has no such option`);
  }
  return found;
}

const MEANINGS: Record<string, string> = { w: "waiting", c: "completed", d: "dead", k: "dead", e: "expired" };

/** Returns the letter and the flags of a node. A purged node has them too. */
function nodeOf(record: string): { letter: string; flags: string } {
  const [, flagsThere = "", mark] = /^o[\d,]+([a-z]*) \S+ (\S)$/.exec(record) ?? [];
  // The record of a node in another queue has a mark for its end: m for emptied, g for dropped.
  if (mark !== undefined)
    return { letter: mark === "m" ? "x" : mark === "g" ? "d" : mark, flags: flagsThere };
  const [, purged, kept = ""] = /^r \S+ \S+ \S+ - (\w) (\w+)/.exec(record) ?? [];
  if (purged !== undefined) return { letter: purged, flags: kept };
  return { letter: record.charAt(0), flags: /^\w[\d,]+([a-z]*)/.exec(record)?.[1] ?? "" };
}

/** Recounts the nodes of all flows. That is possible only after the flows have counted every end. */
function violationsOfFlows(records: Map<string, string>): string[] {
  const [, , , noted, taken] = (records.get("#flows") ?? "").split(" ");
  if (noted !== taken) return [];
  const found: string[] = [];
  for (const [field, text] of records) {
    const [, flow] = /^%([\w-]+)$/.exec(field) ?? [];
    if (flow === undefined || /^\S*g/.test(text)) continue;
    const [letters = "", ...words] = text.split(" ");
    const [total = 0, waiting, completed, dead, cancelled, expired, skipped, , calls, replayable] =
      words.map(Number);
    const names: string[] = [];
    for (let page = 0; records.has(`${field} ${page}`); page++)
      names.push(...(records.get(`${field} ${page}`) as string).split(" "));
    if (total !== names.length || new Set(names).size !== total)
      found.push(`I17: flow ${flow} counts ${total} nodes, and names ${names.join(" ")}`);
    // The ends of this flow are counted in the queue in which it was created.
    if (letters.includes("h")) continue;
    const counts: Record<string, number> = {
      waiting: 0,
      completed: 0,
      dead: 0,
      cancelled: 0,
      expired: 0,
      skipped: 0,
    };
    for (const name of names) {
      const id = `${flow}.${name}`;
      const record = records.get(id) ?? "";
      const { letter } = nodeOf(record);
      const isClosed = /^x\S+ \d+ \S/.test(record);
      const isEmptied = record.startsWith("r") && /[ps]/.test(letter);
      const meaning = isClosed ? "skipped" : letter === "x" || isEmptied ? "cancelled" : MEANINGS[letter];
      if (meaning !== undefined) counts[meaning] = (counts[meaning] ?? 0) + 1;
      if (letter === "w" || isClosed)
        found.push(...violationsOfNode(records, flow, id, letters.includes("x")));
    }
    const counted = { waiting, completed, dead, cancelled, expired, skipped };
    for (const [name, count] of Object.entries(counted))
      if (count !== counts[name])
        found.push(`I17: flow ${flow} counts ${count} ${name}, but has ${counts[name]}`);
    const isOpen = (id: string) => /^([psl]|o.* -$)/.test(records.get(id) ?? "");
    const all = [...names.map((name) => `${flow}.${name}`), ...MOMENTS.map((moment) => `${flow}:${moment}`)];
    const open = MOMENTS.filter((moment) => isOpen(`${flow}:${moment}`)).length;
    const canReplay = all.filter((id) => /^(d|o.* d$)/.test(records.get(id) ?? "")).length;
    if (calls !== open || replayable !== canReplay)
      found.push(
        `I17: flow ${flow} counts ${calls} callbacks and ${replayable} dead letters, but has ${open} and ${canReplay}`,
      );
    const active = names.filter((name) => isOpen(`${flow}.${name}`)).length;
    if (letters.includes("s") && active === 0 && counts.waiting === 0 && !/[N]/.test(letters))
      found.push(`I17: every node of flow ${flow} has ended, but the flow has not`);
  }
  return found;
}

/** Recounts the dead letters of each error from the records. */
function violationsOfErrors(tasks: QueueSnapshot["tasks"], records: Map<string, string>): string[] {
  const there = new Map<string, number>();
  for (const { raw } of tasks.values()) {
    const [, signature] = /^d\S+ \d+ \S+ !(\S+)/.exec(raw) ?? [];
    if (signature !== undefined) there.set(signature, (there.get(signature) ?? 0) + 1);
  }
  for (const field of records.keys())
    if (/^#![\da-f]/.test(field) && !there.has(field.slice(2))) there.set(field.slice(2), 0);
  return [...there].flatMap(([signature, actual]) => {
    const counted = records.get(`#!${signature}`)?.split(" ")[0];
    return counted === String(actual)
      ? []
      : [`I18: the error ${signature} counts ${counted} dead letters, but has ${actual}`];
  });
}

const MOMENTS = ["dead", "cancelled", "success", "done"];

/**
 * Checks one node. It has to wait as long as a node before it has not ended. It has to be skipped if a node before it
 * has failed.
 */
function violationsOfNode(
  records: Map<string, string>,
  flow: string,
  id: string,
  isCancelled: boolean,
): string[] {
  if (isCancelled) return [];
  const record = records.get(id) as string;
  const before = (records.get(`<${id}`) ?? "").split(" ").filter((name) => name !== "");
  const nodes = before.map((name) => nodeOf(records.get(`${flow}.${name}`) ?? ""));
  const open = nodes.filter(({ letter, flags }) => letter !== "c" && !flags.includes("g")).length;
  const failed = nodes.filter(({ flags }) => flags.includes("b")).length;
  const [, counted, failures = "0"] = /^(?:w\S+|x\S+ \d+ \S+) (\d+) ?(\d*)/.exec(record) ?? [];
  const isRight =
    Number(counted) === open && (record.startsWith("w") ? failed === 0 : Number(failures) === failed);
  return isRight
    ? []
    : [
        `I17: ${id} is "${record.split("\n")[0]}", but ${open} nodes before it are open and ${failed} have failed`,
      ];
}

export async function readQueue(redis: Redis, keys: QueueKeys): Promise<QueueSnapshot> {
  const names = [
    ...INDEXES.map((name) => keys[name]),
    keys.tasks,
    keys.state,
    keys.ready,
    keys.resting,
    keys.unique,
    keys.kept,
    keys.keptTypes,
    keys.keptDead,
  ];
  const reply = (await redis.eval(READ, names.length, ...names)) as string[][];
  const [kept = [], lined = [], keptDead = []] = reply.slice(19);
  const times = { completed: pairs(kept), dead: pairs(keptDead) };
  reply[9]?.push(...times.completed.keys());
  const envelopes = pairs(reply[13] as string[]);
  const records = pairs(reply[14] as string[]);
  const tasks: QueueSnapshot["tasks"] = new Map();
  let leaving = 0;
  for (const [id, envelope] of envelopes) {
    if (id.startsWith("#")) continue;
    const raw = records.get(id) ?? "";
    if (raw.startsWith("o")) {
      leaving++;
      continue;
    }
    tasks.set(id, { ...decodeRecord(raw, envelope.startsWith("@")), raw });
  }
  const headers = [...records.keys()].filter(
    (id) => /^c\S+( \S+){6}/.test(records.get(id) ?? "") && !envelopes.has(id),
  );
  for (const id of headers)
    tasks.set(id, { ...decodeRecord(records.get(id) ?? "", false), raw: records.get(id) ?? "" });
  const remembered = new Set([...records.keys()].filter((id) => !/^[#@%&<>^]/.test(id) && !tasks.has(id)));
  const [waiting = 0, skipped = 0, made = 0, , , , , leavingCounted = 0] = (records.get("#flows") ?? "")
    .split(" ")
    .map(Number);
  const [inPending = 0, inScheduled = 0, , ...counters] = (reply[15] as string[]).map(Number);
  return {
    tasks,
    remembered,
    headersCounted: counters[25] ?? 0,
    headers,
    lined: lined.map((member) => member.split(" ")[2] ?? ""),
    kept: times.completed,
    wrongTimes: wrongTimesOf(tasks, envelopes, times),
    indexes: Object.fromEntries(
      INDEXES.map((name, i) => [name, reply[i] as string[]]),
    ) as QueueSnapshot["indexes"],
    taskKeys: taskKeysOf(tasks, envelopes, records, reply[5] as string[]),
    uniqueKeys: uniqueKeysOf(tasks, envelopes, pairs(reply[18] as string[])),
    latestKeys: latestKeysOf(tasks, envelopes),
    ready: new Set(reply[16] as string[]),
    resting: new Set(reply[17] as string[]),
    opening: records.get("#opening"),
    accepted: inPending + inScheduled + made,
    purged: counters[7] ?? 0,
    counted: [inPending + (counters[0] ?? 0), inScheduled + (counters[1] ?? 0), ...counters.slice(2, 7)],
    waitingCounted: waiting,
    skippedCounted: skipped,
    leavingCounted,
    leaving,
    flows: violationsOfFlows(records),
    errors: violationsOfErrors(tasks, records),
    failures: [...records]
      .filter(([field]) => field.startsWith("#!"))
      .reduce((sum, [, text]) => sum + Number(text.split(" ")[1]), 0),
  };
}

/** Returns whether a node was skipped. A skipped node is stored with its flow, and is in no list. */
const isSkipped = ({ state, raw }: { state: string; raw: string }) =>
  state === "cancelled" && /^x\S+ \d+ \S/.test(raw);

/**
 * Checks the invariants I1, I2, I15 and I16 (docs/guarantees.md) in a snapshot. Compares index entries with records,
 * and records with counters. Compares the counts of keys, and the entries of unique keys, with index entries and
 * records.
 */
export function violationsOf(queue: QueueSnapshot): string[] {
  const found: string[] = [];
  const places = new Map<string, string[]>();
  for (const name of INDEXES) {
    const isPending = PENDING_LISTS.includes(name);
    const ids = queue.indexes[name];
    // A pending list may also have entries of tasks that are no longer pending, for example cancelled ones.
    const standing = isPending
      ? [...new Set(ids)].filter((id) => queue.tasks.get(id)?.state === "pending")
      : ids;
    const place = isPending ? "pending" : name === "deadLetters" ? "dead" : name;
    for (const id of standing) {
      // An acquire that was aborted while it moved a task aside may leave the entry in the first list too.
      if ((name === "pendingTyped" || name === "pendingKeyed") && places.has(id)) continue;
      // If a cancelled task is enqueued again with another priority, its id has two entries: the old one, and one in
      // another list. An acquire grants the task at one of the two entries, and drops the other one.
      if (isPending && places.get(id)?.includes(place)) continue;
      places.set(id, [...(places.get(id) ?? []), place]);
    }
  }
  const tally = new Map<string, number>(COUNTED.map((name) => [name, 0]));
  const inFlows = { waiting: 0, skipped: 0 };
  for (const [id, task] of queue.tasks) {
    const { state } = task;
    const where = (places.get(id) ?? []).join("+");
    const isInFlow = state === "waiting" || isSkipped(task);
    if (isInFlow) inFlows[state === "waiting" ? "waiting" : "skipped"]++;
    if (where !== (isInFlow ? "" : state))
      found.push(`I1: ${id} is ${state} by its record, but listed in "${where}"`);
    if (!isInFlow) tally.set(state, (tally.get(state) ?? 0) + 1);
    places.delete(id);
  }
  for (const [id, where] of places) found.push(`I1: ${where.join("+")} holds ${id}, which is not a task`);
  for (const id of queue.lined)
    if (!queue.kept.has(id)) found.push(`I1: kept:types holds ${id}, which is not in kept`);
  found.push(...queue.wrongTimes);
  COUNTED.forEach((name, i) => {
    const [counted, there] = [queue.counted[i], tally.get(name)];
    if (counted !== there) found.push(`I2: the counter of ${name} is ${counted}, but there are ${there}`);
  });
  if (queue.waitingCounted !== inFlows.waiting || queue.skippedCounted !== inFlows.skipped)
    found.push(
      `I2: the counters of waiting and skipped nodes are ${queue.waitingCounted} and ${queue.skippedCounted}, but there are ${inFlows.waiting} and ${inFlows.skipped}`,
    );
  // The script flow_sent removes the envelopes first, so an interrupted one can leave the counter too high but never
  // too low.
  if (queue.leaving > queue.leavingCounted)
    found.push(`I2: ${queue.leavingCounted} nodes on their way are counted, ${queue.leaving} are there`);
  found.push(...queue.flows);
  if (queue.headersCounted !== queue.headers.length)
    found.push(
      `I2: the counter of headers is ${queue.headersCounted}, but ${queue.headers.length} records have one`,
    );
  found.push(...queue.errors);
  for (const [key, { running, leased, waiting, isFull }] of queue.taskKeys) {
    if (running !== leased)
      found.push(`I15: key ${key} counts ${running} running tasks, but ${leased} have a lease`);
    const isLookedAt = queue.opening === undefined || key <= queue.opening;
    if (waiting > 0 && !isFull && isLookedAt && !queue.ready.has(key) && !queue.resting.has(key))
      found.push(`I15: key ${key} has waiting tasks and room, but is neither ready nor resting`);
  }
  for (const [key, { holders, entry }] of queue.uniqueKeys)
    if (holders.length > 1 || holders[0] !== entry)
      found.push(`I16: ${holders.join(" and ")} hold the unique key ${key}, but its entry names ${entry}`);
  for (const [key, states] of queue.latestKeys)
    if (states.length > 2 || states.filter((state) => state !== "scheduled").length > 1)
      found.push(`I16: the tasks of the unique key ${key} are ${states.join(", ")}`);
  const total =
    queue.counted.reduce((sum, count) => sum + count, 0) +
    queue.waitingCounted +
    queue.skippedCounted +
    queue.leavingCounted +
    queue.purged;
  if (total !== queue.accepted)
    found.push(`I2: the queue has accepted ${queue.accepted} tasks, but accounts for ${total}`);
  return found;
}

/** Finds violations of I1, I2, I15 and I16 without the audit script, so that the two can be compared. */
export async function findViolations(redis: Redis, keys: QueueKeys): Promise<string[]> {
  return violationsOf(await readQueue(redis, keys));
}

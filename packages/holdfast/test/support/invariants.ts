import type { Redis } from "ioredis";
import { decodeRecord } from "../../src/engine/record.ts";
import type { QueueKeys } from "../../src/redis/keys.ts";

const COUNTED = ["pending", "scheduled", "processing", "completed", "dead", "cancelled", "expired"] as const;
const PENDING_LISTS = ["pendingSolo", "pendingHigh", "pending", "pendingLow"] as const;

/** Two or more doubles, big-endian, as the scripts pack them. */
function doubles(raw: Buffer | null, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (raw ? raw.readDoubleBE(i * 8) : 0));
}

/**
 * I1 and I2, read key by key: it shares nothing with the audit script, so that one can be held against the other.
 * Only for a queue at rest.
 */
export async function findViolations(redis: Redis, keys: QueueKeys): Promise<string[]> {
  const found: string[] = [];
  const tasks = await redis.hgetall(keys.tasks);
  const state = await redis.hgetall(keys.state);
  const places = new Map<string, string[]>();
  const entries = { pending: 0 };
  const place = (ids: string[], name: string) => {
    for (const id of ids) places.set(id, [...(places.get(id) ?? []), name]);
  };
  for (const part of PENDING_LISTS) {
    const ids = await redis.lrange(keys[part], 0, -1);
    entries.pending += ids.length;
    // Entries of tasks that are not pending are tombstones: legal.
    place(
      [...new Set(ids)].filter((id) => stateOf(tasks[id], state[id]) === "pending"),
      "pending",
    );
  }
  const zsets = { processing: keys.processing, scheduled: keys.scheduled, dead: keys.deadLetters };
  for (const [name, key] of Object.entries(zsets)) place(await redis.zrange(key, "0", "-1"), name);
  for (const name of ["completed", "cancelled", "expired"] as const) {
    place(await redis.lrange(keys[name], 0, -1), name);
  }

  const tally = new Map<string, number>(COUNTED.map((name) => [name, 0]));
  for (const [id, envelope] of Object.entries(tasks)) {
    if (id.startsWith("#")) continue;
    const actual = stateOf(envelope, state[id]);
    const where = (places.get(id) ?? []).join("+");
    if (where !== actual) found.push(`I1: ${id} is ${actual} by its record, and stands in "${where}"`);
    tally.set(actual, (tally.get(actual) ?? 0) + 1);
    places.delete(id);
  }
  for (const [id, where] of places) found.push(`I1: ${where.join("+")} holds ${id}, which is no task`);

  const counters = doubles(await redis.hgetBuffer(keys.state, "#counters"), 21);
  const [inPending = 0, inScheduled = 0] = doubles(await redis.hgetBuffer(keys.tasks, "#in"), 3);
  const counted = [inPending + (counters[0] ?? 0), inScheduled + (counters[1] ?? 0), ...counters.slice(2, 7)];
  COUNTED.forEach((name, i) => {
    if (counted[i] !== tally.get(name))
      found.push(`I2: ${counted[i]} ${name} are counted, ${tally.get(name)} are there`);
  });
  const total = counted.reduce((sum, count) => sum + count, 0) + (counters[7] ?? 0);
  if (total !== inPending + inScheduled)
    found.push(`I2: ${inPending + inScheduled} were accepted, ${total} are counted`);
  return found;
}

function stateOf(envelope: string | undefined, record: string | undefined): string {
  if (envelope === undefined) return "gone";
  return decodeRecord(record ?? "", envelope.startsWith("@")).state;
}

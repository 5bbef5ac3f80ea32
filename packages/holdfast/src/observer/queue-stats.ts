import type { QueueFlow, QueueStats } from "@holdfast/contracts";
import { decodeHeader } from "../engine/envelope.ts";
import { flowTotals } from "../engine/flow-text.ts";
import type { RawStats } from "../engine/replies.ts";
import { settingsText } from "../engine/settings-text.ts";

// Positions of the counters (lua/lib/queue.lua).
const PENDING = 0;
const SCHEDULED = 1;
const PROCESSING = 2;
const COMPLETED = 3;
const DEAD = 4;
const CANCELLED = 5;
const EXPIRED = 6;
const PURGED = 7;
const GRANTS = 9;
const TOTALS = 10;
// Positions of the counters of tombstones: entries in the pending lists whose task is no longer pending.
const TOMBSTONES = 8;
const TOMBSTONES_HIGH = 21;
const TOMBSTONES_LOW = 22;
const TOMBSTONES_SOLO = 23;
const TOMBSTONES_ASIDE = 24;
const TOMBSTONES_KEYED = 26;

function oldestAgeMs(raw: RawStats): number {
  let oldest = raw.now;
  for (const header of raw.oldest) {
    if (header === "") continue;
    try {
      oldest = Math.min(oldest, decodeHeader(header).enqueuedAt);
    } catch {
      // The age of a task whose header cannot be read is not known. A worker that acquires the task ends it as dead.
    }
  }
  return Math.max(0, raw.now - oldest);
}

/** Reads from the numbers of `stats` how many tasks the limits allow to start. -1 means no limit. */
function flowOf(
  [
    room = -1,
    concurrency = -1,
    keyed = 0,
    keysReady = 0,
    keysResting = 0,
    keysHeld = 0,
    heldUntil = 0,
    forTypes = 0,
  ]: number[],
  { pending, pendingKeyed, paused }: { pending: number; pendingKeyed: number; paused: boolean },
): QueueFlow {
  const mayRun = Math.max(0, pending - pendingKeyed - forTypes) + Math.min(keyed, pendingKeyed);
  return {
    runnable: paused ? 0 : Math.min(mayRun, room < 0 ? mayRun : room),
    concurrency: concurrency < 0 ? null : concurrency,
    keysReady,
    keysResting,
    keysHeld,
    heldUntil: heldUntil > 0 ? heldUntil : null,
  };
}

/** Makes the statistics of a queue from its counters. An audit compares these counters with the indexes. */
export function queueStats(queue: string, raw: RawStats): QueueStats {
  const count = (at: number) => raw.counters[at] ?? 0;
  const total = (at: number) => count(TOTALS + at);
  const [acceptedPending = 0, acceptedScheduled = 0, deduplicated = 0] = raw.accepted;
  const [high = 0, normal = 0, low = 0, solo = 0, typed = 0] = raw.lengths;
  const [keyed = 0] = raw.lengths.slice(11);
  const without = (entries: number, tombstones: number) => Math.max(0, entries - count(tombstones));
  const inNormal =
    count(TOMBSTONES) -
    count(TOMBSTONES_HIGH) -
    count(TOMBSTONES_LOW) -
    count(TOMBSTONES_SOLO) -
    count(TOMBSTONES_KEYED);
  const pending = acceptedPending + count(PENDING);
  const pendingKeyed = without(keyed, TOMBSTONES_KEYED);
  const settings = settingsText(raw.settings);
  const { waiting, made, running } = flowTotals(raw.flows);
  return {
    queue,
    at: raw.now,
    waiting,
    pending,
    pendingByPriority: {
      high: without(high, TOMBSTONES_HIGH),
      normal: Math.max(0, normal - Math.max(0, inNormal)),
      low: without(low, TOMBSTONES_LOW),
    },
    pendingSolo: without(solo, TOMBSTONES_SOLO),
    pendingTyped: without(typed, TOMBSTONES_ASIDE),
    pendingKeyed,
    processing: count(PROCESSING),
    scheduled: acceptedScheduled + count(SCHEDULED),
    completed: count(COMPLETED),
    dead: count(DEAD),
    cancelled: count(CANCELLED),
    expired: count(EXPIRED),
    partitions: null,
    oldestPendingAgeMs: oldestAgeMs(raw),
    totals: {
      enqueued: acceptedPending + acceptedScheduled + made,
      deduplicated,
      attempts: count(GRANTS),
      acked: total(0),
      failed: total(1),
      retried: total(2),
      crashed: total(3),
      released: total(4),
      deadLettered: total(5),
      replayed: total(6),
      promoted: total(7),
      cancelled: total(8),
      expired: total(9),
      stale: total(10),
      purged: count(PURGED),
      dropped: raw.dropped,
    },
    suspended: raw.suspended,
    flows: running,
    oldestFlowAgeMs: raw.oldestFlow === 0 ? 0 : Math.max(0, raw.now - raw.oldestFlow),
    flow: flowOf(raw.flow, { pending, pendingKeyed, paused: settings.paused }),
    ...settings,
  };
}

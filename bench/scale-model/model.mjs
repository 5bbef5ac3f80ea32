// The capacity model computes what a load needs, from measured costs (costs.json). These functions do no I/O.
import { fullestShare, SLOTS, slotOf, tagsOf } from "./cluster-slots.mjs";

// Limits of Holdfast and of Redis that do not grow with the number of processes.
const CALL_TASKS = 500;
/** A worker takes as many tasks ahead as its handlers end in this time, ms. */
const AHEAD_MS = 5;
/**
 * The thread or core that limits a run is busy for this share of the time. In the rest of the time it waits for
 * others.
 */
const BUSIEST = 0.8;
const MOST_PARTITIONS = 256;
const MOST_NODES = 1_000;
const MOST_CONNECTIONS = 10_000;
const SWEEP_MS = 1_000;
const LOOK_MS = 1_000;
const CONNECTIONS = { worker: 3, producer: 1, janitor: 1, observability: 1 };
// How much more memory Redis needs during a rewrite of its append-only file. A fork does the rewrite, and pages that
// change meanwhile are copied.
const FORK_FACTOR = 1.5;
const APART = 1.5;
const UNEVEN = 1.2;
// If there are more queues than workers, this many workers run the tasks of each queue.
const WORKERS_PER_QUEUE = 2;
const PARTITIONS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/**
 * Sorts measured costs by their calls per task, and leaves some out. A cost that is not higher than the one before is
 * wrong, because something disturbed one of the two measurements. If the calls of two costs are too close, no line
 * can be drawn through them.
 */
export function growing(points) {
  const kept = [];
  for (const point of points.toSorted((one, other) => one.calls - other.calls)) {
    const before = kept.at(-1);
    const grows =
      !before ||
      (point.calls > APART * before.calls && point.redisUs > before.redisUs && point.nodeUs > before.nodeUs);
    if (grows) kept.push(point);
  }
  return kept;
}

/**
 * Returns the cost of a task for a number of calls per task. This number is below 1 if several tasks share a call.
 * @param points measured costs, the fewest calls per task first. Between two of them, the cost grows evenly. For fewer
 * calls than the first point has, it is the cost of the first. Beyond the last point, it grows as fast as it does from
 * the first to the last on average
 */
export function costAt(points, calls) {
  const [first, last] = [points[0], points.at(-1)];
  const next = points.findIndex((point) => point.calls >= calls);
  const [from, to] = next > 0 ? [points[next - 1], points[next]] : [first, last];
  const start = next === -1 ? last : from;
  const at = (what) =>
    start[what] + ((to[what] - from[what]) * Math.max(0, calls - start.calls)) / (to.calls - from.calls);
  return { redisUs: at("redisUs"), nodeUs: at("nodeUs") };
}

/**
 * Returns how many tasks a worker settles in one call, as [under the planned load, under full load]. Under full load,
 * a worker fills its calls; if the queue is partitioned, it divides its slots, and the tasks that it takes ahead,
 * among the partitions. Under less load, a worker has two open calls, so a call has the tasks that end in half the
 * time of a call.
 */
export function tasksPerCall(costs, { handlerMs, concurrency, partitions, rttMs, busy }) {
  const [{ calls, nodeUs }] = costs.process;
  const ahead = handlerMs === 0 ? (AHEAD_MS * 1_000) / nodeUs : 0;
  const held = Math.max(concurrency, ahead);
  const filled = partitions > 1 ? Math.max(1, Math.min(1 / calls, held / partitions)) : 1 / calls;
  if (handlerMs === 0) return [filled, filled];
  const callMs = rttMs + costs.process.at(-1).redisUs / 1_000 / (1 - busy);
  const perMs = concurrency / handlerMs / Math.max(1, partitions);
  const most = Math.max(1, Math.min(filled, concurrency / 2));
  return [Math.max(1, Math.min(most, (perMs * callMs) / 2)), most];
}

/**
 * Returns the cost of one task, in µs and bytes.
 * @param isFull whether Redis or the machine is fully used, so that calls are as large as possible
 */
export function perTask(costs, input, isFull = false) {
  const out = tasksPerCall(costs, input)[isFull ? 1 : 0];
  const into = Math.min(input.batch, CALL_TASKS);
  const ingest = costAt(costs.ingest, 1 / into);
  const process = costAt(costs.process, 1 / out);
  const kb = Math.max(0, input.payload - costs.payloadBytes) / 1_024;
  const keys = input.keys > 0 ? (costs.key.redisUs * Math.min(input.keys, out)) / out : 0;
  return {
    tasksPerEnqueueCall: into,
    tasksPerSettleCall: out,
    ingestRedisUs: ingest.redisUs + kb * costs.perKb.ingestRedisUs,
    processRedisUs: process.redisUs + kb * costs.perKb.processRedisUs + keys,
    ingestNodeUs: ingest.nodeUs + kb * costs.perKb.ingestNodeUs,
    processNodeUs: process.nodeUs + kb * costs.perKb.processNodeUs + input.handlerCpuMs * 1_000,
    waitingBytes: costs.bytes.waiting + kb * costs.perKb.bytes,
    keptBytes: costs.bytes.kept + kb * costs.perKb.bytes,
    wireBytes: costs.wireBytes + kb * costs.perKb.wireBytes,
  };
}

const cpuUsOf = (cost) => redisUsOf(cost) + cost.ingestNodeUs + cost.processNodeUs;
const redisUsOf = ({ ingestRedisUs, processRedisUs }) => ingestRedisUs + processRedisUs;

/**
 * Returns the Cluster slots of all parts. If there are more parts than slots, each slot is returned once, as if all
 * slots were equally full.
 */
function slotsOf(queues, partitions) {
  if (queues * partitions > SLOTS) return Array.from({ length: SLOTS }, (_, slot) => slot);
  return tagsOf(queues, partitions === 1 ? 0 : partitions).map(slotOf);
}

/**
 * Returns the smallest Cluster whose fullest node is used to at most the share `busy`, with as few partitions as
 * possible. If no Cluster is large enough, returns the one whose fullest node is used least.
 * @param isEven whether somebody moves slots until all nodes have the same number of parts
 */
function placement(costs, input, isEven = input.even === 1) {
  const counts = input.partitions === undefined ? PARTITIONS : [input.partitions];
  const choices = counts.map((partitions) => ({
    partitions,
    cost: perTask(costs, { ...input, partitions }),
    slots: slotsOf(input.queues, partitions),
  }));
  const least = Math.min(...choices.map(({ cost }) => redisUsOf(cost)));
  const from =
    input.nodes ?? Math.min(MOST_NODES, Math.max(1, Math.ceil((input.rate * least) / 1e6 / input.busy)));
  let best;
  for (let nodes = from; nodes <= (input.nodes ?? MOST_NODES); nodes++) {
    for (const { partitions, cost, slots } of choices) {
      const share = isEven ? Math.ceil(slots.length / nodes) / slots.length : fullestShare(slots, nodes);
      const used = (input.rate * redisUsOf(cost) * share) / 1e6;
      if (best === undefined || used < best.used) best = { nodes, partitions, cost, share, used };
      if (used <= input.busy) return { nodes, partitions, cost, share, used };
    }
  }
  return best;
}

const whole = (value) => Math.max(1, Math.ceil(value - 1e-9));

/**
 * Returns what a load needs, and the limits that it comes near to, the nearest first.
 * @param costs see costs.json
 * @param input see input.mjs
 */
export function plan(costs, input) {
  const { partitions, cost, nodes, share, used } = placement(costs, input);
  const { rate, busy, queues } = input;
  const workers = whole(
    Math.max((rate * input.handlerMs) / 1_000 / input.concurrency, (rate * cost.processNodeUs) / 1e6) / busy,
  );
  const producers = whole((rate * cost.ingestNodeUs) / 1e6 / busy);
  const parts = queues * partitions;
  const sweepMs = parts * costs.perQueue.sweepMs;
  const janitors = Math.max(2, whole(sweepMs / SWEEP_MS));
  const lookMs = parts * costs.perQueue.lookMs;
  const kept =
    input.retention.tasks === undefined
      ? rate * input.retention.seconds
      : queues * partitions * input.retention.tasks;
  const bytes = rate * input.backlogS * cost.waitingBytes + kept * cost.keptBytes;
  const connections =
    workers * CONNECTIONS.worker +
    producers * CONNECTIONS.producer +
    janitors * CONNECTIONS.janitor +
    CONNECTIONS.observability;
  const needs = {
    nodes,
    nodesIfEven: placement(costs, input, true).nodes,
    partitions,
    workers,
    slots: workers * input.concurrency,
    producers,
    janitors,
    observability: 1,
    memoryMbPerNode: (bytes * share * FORK_FACTOR) / 1e6,
    processMemoryMb:
      workers * costs.rssMb.worker +
      producers * costs.rssMb.producer +
      janitors * costs.rssMb.janitor +
      costs.rssMb.observer,
    nodeCores: (rate * (cost.ingestNodeUs + cost.processNodeUs)) / 1e6,
    redisCores: (rate * (cost.ingestRedisUs + cost.processRedisUs)) / 1e6,
    networkMbitPerNode: (rate * cost.wireBytes * share * 8) / 1e6,
    connectionsPerNode: connections,
    callsPerS: rate / cost.tasksPerEnqueueCall + rate / cost.tasksPerSettleCall,
  };
  const limits = limitsOf({ costs, input, needs, cost, share, used, sweepMs, lookMs, parts });
  return { input, perTask: cost, needs, fullestShare: share, limits, limit: limits[0] };
}

/** Returns the limits, with the share of each limit that the load uses. The largest share comes first. */
function limitsOf({ costs, input, needs, cost, share, used, sweepMs, lookMs, parts }) {
  const { rate, queues, keys } = input;
  const redisUs = redisUsOf(cost);
  // Under full load the calls are larger, so a task costs less than in the plan.
  const fullUs = Math.min(
    redisUs,
    redisUsOf(perTask(costs, { ...input, partitions: needs.partitions }, true)),
  );
  const limit = (name, used, wayOut, atRate = used > 0 ? rate / used : Number.POSITIVE_INFINITY) => ({
    name,
    used,
    atRate,
    wayOut,
  });
  const found = [
    limit(
      "Redis' one thread on each node",
      used,
      share > UNEVEN / needs.nodes
        ? "move slots to the emptier nodes, because the names do not spread the parts evenly (EVEN=1)"
        : "more nodes and partitions; larger calls (BATCH, CONCURRENCY)",
      1e6 / (fullUs * share),
    ),
    limit(
      "the network of the fullest node",
      needs.networkMbitPerNode / (input.networkGbit * 1_000),
      "smaller payloads, more nodes",
    ),
    limit(
      "connections of one node",
      needs.connectionsPerNode / MOST_CONNECTIONS,
      "more slots per worker process (CONCURRENCY), or a higher maxclients",
    ),
    limit(
      "polls of idle workers on the fullest node",
      (Math.max(WORKERS_PER_QUEUE, needs.workers / queues) * parts * share * costs.idlePerPart.redisUsPerS) /
        1e6,
      "fewer worker processes with more slots, or a longer pollMs",
    ),
    limit(
      "the sweep of a janitor over all queues",
      sweepMs / SWEEP_MS / needs.janitors,
      "janitors with the option queues, each for its part of the queues",
    ),
    limit(
      "the reading of all queues by observability",
      lookMs / LOOK_MS,
      "fewer queues, such as one queue with keys instead of a queue for each customer; otherwise the dashboard shows older figures",
    ),
  ];
  const inOne = (rate * redisUs) / queues / 1e6;
  if (needs.partitions === 1)
    found.push(limit("the one node of a queue without partitions", inOne, "PARTITIONS=8, or several queues"));
  else
    found.push(
      limit("the 256 partitions that a queue may have", inOne / MOST_PARTITIONS, "several queues (QUEUES)"),
    );
  if (keys > 0) {
    found.push(limit("the one partition of a key", inOne / Math.max(1, keys / queues), "more keys"));
    if (input.keyConcurrency > 0) {
      const perKey = (input.keyConcurrency * 1_000) / (input.handlerMs + 1_000 / costs.key.oneAtATimePerS);
      found.push(
        limit("the limit of one key", rate / keys / perKey, "a higher limit, quicker handlers, or more keys"),
      );
    }
  }
  return found.sort((one, other) => other.used - one.used);
}

/**
 * Predicts the throughput of one machine on which Redis, producers and workers share the cores. Returns tasks per
 * second, the limit, and the CPU time of a task in µs.
 * @param machine.share the share of the tasks that the fullest node gets
 */
export function predict(costs, { cores, share = 1, producers = 1, workers = 1, ...load }) {
  const cost = perTask(costs, load, true);
  const redisUs = redisUsOf(cost);
  const us = cpuUsOf(cost);
  const usable = 1e6 * BUSIEST;
  const all = [
    { us, limit: "the cores, which Redis, producer and worker share", perS: (cores * usable) / us },
    { us, limit: "Redis' one thread on the fullest node", perS: usable / (redisUs * share) },
    { us, limit: "the thread of a producer", perS: (producers * usable) / cost.ingestNodeUs },
    { us, limit: "the thread of a worker", perS: (workers * usable) / cost.processNodeUs },
  ];
  if (load.handlerMs > 0)
    all.push({
      us: cpuUsOf(perTask(costs, load)),
      limit: "the slots of the workers",
      perS: (workers * load.concurrency * 1_000) / load.handlerMs,
    });
  return all.reduce((least, other) => (other.perS < least.perS ? other : least));
}

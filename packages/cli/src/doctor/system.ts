import type { QueueStats, TaskView, WorkerView } from "holdfast";
import { counted, duration } from "../values.ts";
import { type Finding, notice, ok, problem } from "./finding.ts";
import { START_A_JANITOR } from "./janitors.ts";

/** The data that the checks of one queue use. */
export interface QueueSight {
  stats: QueueStats;
  /** The task whose lease ends first. */
  nextLease: TaskView | null;
  /** The task that is due first. */
  nextDue: TaskView | null;
  /** The newest dead letters, at most one page. */
  deadLetters: TaskView[];
}

const OVERDUE_MS = 10_000;
const RECENT_MS = 600_000;
const CAP_SHARE = 0.9;

export function checkWorkers(workers: readonly WorkerView[]): Finding[] {
  const findings: Finding[] = [];
  const lost = workers.filter(({ state }) => state === "lost");
  for (const worker of lost) {
    findings.push(
      problem(
        "workers",
        `worker ${worker.id} on ${worker.host} has been silent for ${duration(worker.heartbeatAgeMs)}`,
        "start it again if it died, otherwise check its log and network; its tasks return to the queue when their leases expire, and the worker is no longer listed after an hour",
      ),
    );
  }
  const running = workers.filter(({ state }) => state === "running");
  if (lost.length === 0) findings.push(ok("workers", `${running.length} running, none lost`));
  const versions = new Map<string, number>();
  for (const { version } of running) versions.set(version, (versions.get(version) ?? 0) + 1);
  const told = [...versions]
    .sort()
    .map(([version, count]) => `${version} (${count})`)
    .join(", ");
  if (versions.size > 1) {
    findings.push(
      problem(
        "worker versions",
        `workers of ${versions.size} versions run side by side: ${told}`,
        "finish the deploy: stop the workers of the old version (see holdfast worker ls)",
      ),
    );
  } else if (versions.size === 1) findings.push(ok("worker versions", `all are ${told}`));
  return findings;
}

export function checkQueue(sight: QueueSight, workers: readonly WorkerView[], maxWaitMs: number): Finding[] {
  const { stats } = sight;
  const findings = [
    ...checkPaused(stats),
    ...checkBacklog(stats, workers, maxWaitMs),
    ...checkJanitor(sight),
    ...checkDeadLetters(sight),
  ];
  if (findings.length > 0) return findings;
  return [
    ok(
      `queue ${stats.queue}`,
      `${stats.pending} pending, ${stats.processing} processing, ${stats.dead} dead`,
    ),
  ];
}

function checkPaused({ queue, paused, pauseReason, pending }: QueueStats): Finding[] {
  if (!paused) return [];
  const because = pauseReason ? ` (${pauseReason})` : "";
  const remedy = `holdfast queue resume ${queue}`;
  if (pending === 0) return [notice(`queue ${queue}`, `it is paused${because}`, remedy)];
  return [
    problem(
      `queue ${queue}`,
      `it is paused${because}, and ${counted(pending, "task waits", "tasks wait")}`,
      remedy,
    ),
  ];
}

function checkBacklog(stats: QueueStats, workers: readonly WorkerView[], maxWaitMs: number): Finding[] {
  const { queue, pending, scheduled, oldestPendingAgeMs, settings } = stats;
  const findings: Finding[] = [];
  const { maxWaiting } = settings;
  if (maxWaiting > 0 && pending + scheduled >= maxWaiting * CAP_SHARE) {
    findings.push(
      problem(
        `queue ${queue}`,
        `${pending + scheduled} tasks wait, of at most ${maxWaiting}: further enqueues are refused (429)`,
        "add workers, or raise maxWaiting of the queue",
      ),
    );
  }
  if (stats.paused || pending === 0) return findings;
  const own = workers.filter(({ state, queues }) => state === "running" && queues.includes(queue));
  if (own.length === 0) {
    findings.push(
      problem(
        `queue ${queue}`,
        `${counted(pending, "task waits", "tasks wait")} and no worker runs this queue`,
        `start a worker with QUEUES=${queue}, or add the queue to those that run`,
      ),
    );
  } else if (oldestPendingAgeMs > maxWaitMs) {
    findings.push(
      problem(
        `queue ${queue}`,
        `${counted(pending, "task waits", "tasks wait")}, the oldest for ${duration(oldestPendingAgeMs)}; ${counted(own.length, "worker runs", "workers run")} this queue`,
        "add workers or raise WORKER_CONCURRENCY; holdfast task why says why a task waits",
      ),
    );
  }
  return findings;
}

/** A janitor moves expired leases and due tasks within about a second, so older ones show that none works. */
function checkJanitor({ stats, nextLease, nextDue }: QueueSight): Finding[] {
  const late = (at: number | null | undefined) => (at ? stats.at - at : 0);
  const overdueMs = Math.max(late(nextLease?.leaseExpiresAt), late(nextDue?.runAt));
  if (overdueMs <= OVERDUE_MS) return [];
  return [
    problem(
      `queue ${stats.queue}`,
      `an expired lease or a due task has waited for ${duration(overdueMs)}: no janitor has moved it`,
      `${START_A_JANITOR}, or read the log of the running one`,
    ),
  ];
}

function checkDeadLetters({ stats, deadLetters }: QueueSight): Finding[] {
  const { queue, dead, at } = stats;
  if (dead === 0) return [];
  const recent = deadLetters.filter(({ endedAt }) => at - (endedAt ?? 0) <= RECENT_MS).length;
  const look = `holdfast errors ls ${queue} shows why; then use holdfast dlq replay or discard`;
  if (recent === 0)
    return [
      notice(
        `queue ${queue}`,
        `${counted(dead, "dead letter", "dead letters")}, none from the last 10 minutes`,
        look,
      ),
    ];
  const many = recent === deadLetters.length && dead > recent ? `at least ${recent}` : recent;
  return [
    problem(
      `queue ${queue}`,
      `the number of dead letters grows: ${many} in the last 10 minutes, ${dead} in all`,
      look,
    ),
  ];
}

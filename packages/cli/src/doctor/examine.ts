import { HoldfastError, Schedules } from "holdfast";
import type { Context } from "../context.ts";
import { messageOf } from "../exit.ts";
import { examineFiles } from "./files.ts";
import { type Finding, problem, skipped } from "./finding.ts";
import { checkJanitors, checkSchedules } from "./janitors.ts";
import { examineServers, remedyOf } from "./servers.ts";
import { checkQueue, checkWorkers, type QueueSight } from "./system.ts";

const RECENT = 100;

/** Examines Redis, then the queues and workers, and changes nothing. */
export async function examine(context: Context, maxWaitMs: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    findings.push(...(await examineServers(context)), ...(await examineFiles(context)));
  } catch (error) {
    return [problem("connection", messageOf(error), remedyOf(messageOf(error)))];
  }
  try {
    findings.push(...(await examineSystem(context, maxWaitMs)));
  } catch (error) {
    const isUnfit = error instanceof HoldfastError && error.code === "redis_unsupported";
    findings.push(
      isUnfit
        ? skipped("queues, workers", "not checked until Redis itself is in order")
        : problem("queues, workers", messageOf(error), remedyOf(messageOf(error))),
    );
  }
  return findings;
}

async function examineSystem(context: Context, maxWaitMs: number): Promise<Finding[]> {
  const observer = await context.observer();
  const workers = await observer.workers();
  const snapshot = await observer.snapshot();
  const schedules = await new Schedules({ client: context.client }).list();
  const findings = [
    ...checkWorkers(workers),
    ...checkJanitors(await observer.janitors(), snapshot.length, schedules.length),
    ...checkSchedules(schedules, context.client.connection.now()),
  ];
  for (const stats of snapshot) {
    const first = async (state: "processing" | "scheduled" | "dead", limit = 1) =>
      (await observer.list(stats.queue, { state, limit })).tasks;
    const sight: QueueSight = {
      stats,
      nextLease: stats.processing > 0 ? ((await first("processing"))[0] ?? null) : null,
      nextDue: stats.scheduled > 0 ? ((await first("scheduled"))[0] ?? null) : null,
      deadLetters: stats.dead > 0 ? await first("dead", RECENT) : [],
    };
    findings.push(...checkQueue(sight, workers, maxWaitMs));
  }
  return findings;
}

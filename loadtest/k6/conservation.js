// Checks before a run that the system is ready. Checks after the run that every accepted task has ended once.
import { fail, sleep } from "k6";
import http from "k6/http";
import { Counter, Gauge } from "k6/metrics";
import { headers, observabilityUrl, producerUrl, queue } from "./settings.js";

const lost = new Counter("tasks_lost");
const stored = new Gauge("tasks_stored");
/**
 * How many checks were completed. Without this count, a run whose last check could not read the queue would look like
 * one without losses.
 */
const checked = new Counter("conservation_checked");

const PATIENCE_SECONDS = 60;

const any = http.expectedStatuses({ min: 200, max: 599 });

function get(url) {
  return http.get(url, { headers, responseCallback: any, tags: { name: "control" }, timeout: "10s" });
}

/** Reads the queue once. Returns how many tasks were enqueued, how many have ended, and how many are open. */
function look() {
  const url = `${observabilityUrl}/v1/queues/${queue}`;
  let response = get(url);
  // The service may be restarting, so the request is repeated.
  for (let tries = 0; [0, 502, 503].includes(response.status) && tries < PATIENCE_SECONDS; tries++) {
    sleep(1);
    response = get(url);
  }
  if (response.status === 404) return { enqueued: 0, ended: 0, live: 0 };
  if (response.status !== 200)
    fail(`${observabilityUrl} answers ${response.status}: ${response.body || response.error}`);
  const { pending, processing, scheduled, totals } = response.json();
  const { enqueued, acked, deadLettered, replayed, cancelled, expired } = totals;
  return {
    enqueued,
    // A replay opens an ended task again, so its first end no longer counts.
    ended: acked + deadLettered - replayed + cancelled + expired,
    live: pending + processing + scheduled,
  };
}

const missing = ({ enqueued, ended, live }) => enqueued - ended - live;

function servingWorkers() {
  const response = get(`${observabilityUrl}/v1/workers`);
  if (response.status === 401 || response.status === 403)
    fail(`${observabilityUrl} needs a key: export HOLDFAST_API_KEY=$(make -s key)`);
  const workers = (response.status === 200 && response.json("workers")) || [];
  return workers.filter(({ state, queues }) => state === "running" && queues.includes(queue)).length;
}

/**
 * The setup function of every script calls this. Fails if the system is not ready. @returns the argument for `settle`
 */
export function ready() {
  for (const url of [producerUrl, observabilityUrl]) {
    const response = get(`${url}/readyz`);
    if (response.status !== 200)
      fail(
        `${url} is not ready (${response.status || response.error}): start the services, or set PRODUCER_URL and OBSERVABILITY_URL`,
      );
  }
  // A worker that was just started needs a few seconds until it serves the queue.
  for (let tries = 1; servingWorkers() === 0; tries++) {
    if (tries === 10) fail(`no worker serves the queue "${queue}": set QUEUE to one that is served`);
    sleep(1);
  }
  return { before: look() };
}

/**
 * The teardown function of every script calls this. Waits until all tasks have ended, and then checks that none is
 * missing.
 * @param expected how many tasks were stored, if the run knows that
 */
export function settle({ before }, { seconds = 120, expected } = {}) {
  const deadline = Date.now() + seconds * 1_000;
  let after = look();
  while (after.live > before.live && Date.now() < deadline) {
    sleep(0.25);
    after = look();
  }
  const gone = missing(after) - missing(before);
  const count = after.enqueued - before.enqueued;
  lost.add(Math.abs(gone));
  stored.add(count);
  checked.add(1);
  const found = [];
  if (gone !== 0) found.push(`${gone} tasks were accepted and are missing`);
  if (after.live > before.live) found.push(`${after.live} tasks have not ended after ${seconds} s`);
  if (expected !== undefined && count !== expected) found.push(`${count} tasks were stored, not ${expected}`);
  if (found.length > 0) {
    lost.add(found.length);
    fail(`conservation: ${found.join("; ")}`);
  }
}

/** The thresholds that every script uses. */
export const conservationThresholds = {
  tasks_lost: ["count==0"],
  conservation_checked: ["count==1"],
  requests_failed: ["count==0"],
};

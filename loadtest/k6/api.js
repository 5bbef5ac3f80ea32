// A client for both HTTP APIs. It repeats a request that was refused because of a restart or a full queue. If the
// outcome of an enqueue is unknown, it repeats the enqueue only if the tasks have ids, so that no task is stored
// twice.
import { sleep } from "k6";
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { headers, observabilityUrl, producerUrl, queue } from "./settings.js";

const accepted = new Counter("tasks_accepted");
/** How many requests the service refused for good, or still refused when the client gave up. */
const requestsFailed = new Counter("requests_failed");
const requestsRepeated = new Counter("requests_repeated");
/** The time from the enqueue of a task to its end, by the clock of Redis. */
const endToEnd = new Trend("task_end_to_end", true);
/**
 * The times at which enqueues were sent and answered. The run accepts tasks from the first to the last of these
 * times.
 */
const intakeClock = new Trend("intake_clock");

const PATIENCE_SECONDS = 60;
// These statuses are not failures for k6, because load and restarts cause them. `requests_failed` counts the requests
// that failed in the end.
const expected = http.expectedStatuses({ min: 200, max: 399 }, 404, 409, 429, 503);

/** @param isSafe whether the request may be repeated even if the service may have handled it */
function mayRepeat(response, isSafe) {
  if (response.status === 429) return true;
  if (response.status === 503) return isSafe || !String(response.body).includes("outcome_unknown");
  return isSafe && (response.status === 0 || response.status === 502);
}

function send(method, url, body, name, isSafe = true) {
  const params = { headers, tags: { name }, responseCallback: expected, timeout: "35s" };
  const deadline = Date.now() + PATIENCE_SECONDS * 1_000;
  for (let waitSeconds = 0.1; ; waitSeconds = Math.min(2, waitSeconds * 2)) {
    const response = http.request(method, url, body, params);
    if (!mayRepeat(response, isSafe) || Date.now() > deadline) return response;
    requestsRepeated.add(1, { name });
    sleep(Number(response.headers["Retry-After"]) || waitSeconds);
  }
}

function failed(response, name) {
  requestsFailed.add(1, { name });
  console.error(`${name}: ${response.status} ${String(response.body || response.error).slice(0, 300)}`);
}

/** Enqueues one task. Returns its id, or null if the service refused the task. */
export function enqueue(task, name = "enqueue") {
  intakeClock.add(Date.now());
  const response = send(
    "POST",
    `${producerUrl}/v1/queues/${queue}/tasks`,
    JSON.stringify(task),
    name,
    task.id !== undefined,
  );
  intakeClock.add(Date.now());
  if (response.status !== 201 && response.status !== 200) {
    failed(response, name);
    return null;
  }
  accepted.add(1);
  return response.json("id");
}

/** Enqueues a JSON array of tasks. Returns their ids, or an empty list if the service refused the request. */
export function enqueueBatch(body, { withIds = false, name = "enqueue batch" } = {}) {
  intakeClock.add(Date.now());
  const response = send("POST", `${producerUrl}/v1/queues/${queue}/tasks/batch`, body, name, withIds);
  intakeClock.add(Date.now());
  if (response.status !== 207) {
    failed(response, name);
    return [];
  }
  const answer = response.json();
  // If a request was repeated, its tasks are reported as duplicates of those that the first request stored.
  accepted.add(answer.accepted + answer.duplicates);
  if (answer.failed > 0) failed(response, name);
  return answer.results.filter((result) => result.status < 300).map((result) => result.id);
}

/** Waits up to `waitMs` for the end of a task. Returns the task, or null if it does not exist. */
function task(id, waitMs = 0, name = "task") {
  const url = `${producerUrl}/v1/queues/${queue}/tasks/${id}?waitMs=${waitMs}`;
  const response = send("GET", url, null, name);
  if (response.status === 200) return response.json();
  if (response.status !== 404) failed(response, name);
  return null;
}

/** Waits for the end of a task, and records how long that took. Returns false if the task does not end in time. */
export function follow(id, seconds = 60) {
  const deadline = Date.now() + seconds * 1_000;
  while (Date.now() < deadline) {
    const seen = task(id, 20_000, "follow");
    if (seen && seen.endedAt !== null) {
      endToEnd.add(seen.endedAt - seen.enqueuedAt, { state: seen.state });
      return true;
    }
    if (!seen) break;
  }
  failed({ status: 0, body: `task ${id} has not ended after ${seconds} s` }, "follow");
  return false;
}

/** Cancels a task. Returns the status: 200 cancelled, 202 requested, 409 too late. */
export function cancel(id) {
  return send("DELETE", `${producerUrl}/v1/queues/${queue}/tasks/${id}`, null, "cancel").status;
}

/** Returns the JSON of a GET from observability, or null if the request failed. */
export function observe(path, name) {
  const response = send("GET", observabilityUrl + path, null, name);
  if (response.status === 200) return response.json();
  failed(response, name);
  return null;
}

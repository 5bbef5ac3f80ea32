// Reads the settings of all scripts from the environment. The defaults are those of a system that `make up` has
// started.

const trimmed = (url) => url.replace(/\/+$/, "");

export const producerUrl = trimmed(__ENV.PRODUCER_URL || __ENV.BASE_URL || "http://127.0.0.1:3000");
export const observabilityUrl = trimmed(__ENV.OBSERVABILITY_URL || "http://127.0.0.1:3001");
/** A queue that the workers serve: `make up` sets QUEUES=default,demo. */
export const queue = __ENV.QUEUE || "demo";
/** The folder for summaries, relative to the folder in which k6 runs. */
export const resultsFolder = trimmed(__ENV.RESULTS_DIR || "loadtest/results");

const key =
  __ENV.HOLDFAST_API_KEY || (__ENV.HOLDFAST_API_KEY_FILE ? open(__ENV.HOLDFAST_API_KEY_FILE).trim() : "");
export const headers = {
  "content-type": "application/json",
  ...(key ? { authorization: `Bearer ${key}` } : {}),
};

export function number(name, fallback) {
  const value = __ENV[name] ? Number(__ENV[name]) : fallback;
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`${name} has to be a number, got "${__ENV[name]}"`);
  return value;
}

/** All ids of a run begin with this, so that the ids of two runs never collide. */
export const runId = __ENV.RUN_ID || `k6-${Date.now().toString(36)}`;

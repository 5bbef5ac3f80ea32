import { describe, expect, test } from "vitest";
import { classify } from "./errors.ts";

test("NOSCRIPT asks for the source of the script", () => {
  expect(classify(new Error("NOSCRIPT No matching script. Please use EVAL."))).toEqual({ kind: "no_script" });
});

test.each([
  "LOADING Redis is loading the dataset in memory",
  "BUSY Redis is busy running a script",
  "TRYAGAIN Multiple keys request during rehashing of slot",
  "CLUSTERDOWN The cluster is down",
  "MASTERDOWN Link with MASTER is down",
  "READONLY You can't write against a read only replica.",
  "NOREPLICAS Not enough good replicas to write.",
  "MOVED 3999 127.0.0.1:6381",
  "ASK 3999 127.0.0.1:6381",
  "UNBLOCKED client unblocked via CLIENT UNBLOCK",
])("%s: refused before it ran, so it is sent again", (message) => {
  expect(classify(new Error(message))).toEqual({ kind: "retry", sent: false, reason: message });
});

test.each([
  [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "redis_out_of_memory",
    /drain the queue, or raise maxmemory/,
  ],
  ["OOM allow-oom flag is not set on the script, can not run it", "redis_out_of_memory", /maxmemory/],
  ["MISCONF Redis is configured to save RDB snapshots", "redis_read_only", /free disk space/],
  ["NOAUTH Authentication required.", "redis_refused", /REDIS_PASSWORD/],
  ["WRONGPASS invalid username-password pair", "redis_refused", /REDIS_PASSWORD/],
  ["NOPERM this user has no permissions to run 'evalsha'", "redis_refused", /ACL.*evalsha/],
  ["HOLDFAST_LAYOUT 2", "layout_too_new", /upgrade this process/],
  ["HOLDFAST_OLD_REQUEST a newer request", "outcome_unknown", /already answered/],
  ["ERR unknown command 'EVALSHA'", "internal", /Redis answered: ERR unknown command/],
  ["WRONGTYPE Operation against a key", "internal", /WRONGTYPE/],
])("%s is %s, and is not sent again", (message, code, text) => {
  const cause = new Error(message);
  const failure = classify(cause);
  expect(failure).toMatchObject({ kind: "fail", error: { code, cause } });
  expect(failure.kind === "fail" && failure.error.message).toMatch(text);
});

describe("errors of the connection", () => {
  test.each([
    "Stream isn't writeable and enableOfflineQueue options is false",
    "Cluster isn't ready and enableOfflineQueue options is false",
  ])("%s: it was not sent", (message) => {
    expect(classify(new Error(message))).toEqual({ kind: "retry", sent: false, reason: "not connected" });
  });

  test.each([
    "Command timed out",
    "Connection is closed.",
    "Too many Cluster redirections. Last error: ReplyError: MOVED 7386 127.0.0.1:21702",
    "connect ECONNREFUSED 127.0.0.1:6379",
    "read ECONNRESET",
    "write EPIPE",
    "getaddrinfo ENOTFOUND redis",
    "Reached the max retries per request limit (which is 20).",
    "Command aborted due to connection close",
  ])("%s: it may have run", (message) => {
    expect(classify(new Error(message))).toEqual({ kind: "retry", sent: true, reason: message });
  });
});

test("a value that is not an Error is classified by its text", () => {
  expect(classify("LOADING wait")).toMatchObject({ kind: "retry" });
  expect(classify(undefined)).toMatchObject({ kind: "fail", error: { code: "internal" } });
});

test("a word inside the message is not its first word", () => {
  expect(classify(new Error("ERR user said OOM"))).toMatchObject({
    kind: "fail",
    error: { code: "internal" },
  });
});

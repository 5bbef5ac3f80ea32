import { expect, test } from "vitest";
import { queueKeys, systemKeys } from "./keys.ts";

/** The hash tag: the part of a key that a Cluster hashes, between the first "{" and the next "}". */
const hashTag = (key: string) => /\{([^}]+)\}/.exec(key)?.[1];

test("all keys of a queue have its name as their one hash tag", () => {
  const keys = Object.values(queueKeys("queue", "emails.v2_a-b"));
  expect(new Set(keys.map(hashTag))).toEqual(new Set(["emails.v2_a-b"]));
  for (const key of keys) expect(key.match(/[{}]/g)).toEqual(["{", "}"]);
});

test("no two parts share a key", () => {
  const keys = Object.values(queueKeys("queue", "q"));
  expect(new Set(keys).size).toBe(keys.length);
});

test("the documented names of keys do not change", () => {
  expect(queueKeys("queue", "default")).toMatchObject({
    pending: "queue:{default}:pending",
    pendingHigh: "queue:{default}:pending:high",
    processing: "queue:{default}:processing",
    deadLetters: "queue:{default}:dead_letters",
  });
});

test("installations with different prefixes share no key; neither do two queues, or a queue and the system", () => {
  const all = [
    ...["a", "b"].flatMap((prefix) =>
      ["q", "system"].flatMap((name) => Object.values(queueKeys(prefix, name))),
    ),
    ...["a", "b"].flatMap((prefix) => Object.values(systemKeys(prefix))),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(new Set(Object.values(systemKeys("queue")).map(hashTag))).toEqual(new Set([":system"]));
});

import { expect, test } from "vitest";
import { addressOf } from "./redis.ts";

const view = (path: string) => ({ name: "x", path, isUp: true, onFire: 0 });

test.each([
  ["http://h", "", "redis/eu/", "http://h/redis/eu/queues/q/tasks?state=dead"],
  ["http://h/redis/eu", "redis/eu/", "", "http://h/queues/q/tasks?state=dead"],
  ["http://h/redis/eu", "redis/eu/", "redis/us/", "http://h/redis/us/queues/q/tasks?state=dead"],
  ["http://h/sub", "", "redis/eu/", "http://h/sub/redis/eu/queues/q/tasks?state=dead"],
  ["http://h/sub/redis/eu", "redis/eu/", "", "http://h/sub/queues/q/tasks?state=dead"],
])("from %s (%j) to %j the screen stays the same", (serviceUrl, from, to, expected) => {
  expect(addressOf(view(to), from, "queues/q/tasks?state=dead", serviceUrl)).toBe(expected);
});

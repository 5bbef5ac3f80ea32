import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartupError } from "@holdfast/service";
import { expect, test } from "vitest";
import { parseEndpoints, readEndpoints } from "./endpoints-file.ts";

const SECRET = `whsec_${randomBytes(32).toString("base64")}`;
const env = { SHOP: SECRET, OLD: SECRET, BAD: "hunter2", EMPTY: "" };
const endpoint = {
  name: "shop",
  url: "https://shop.example/tasks",
  queue: "orders",
  types: ["order.*"],
  secrets: [{ env: "SHOP" }],
};
const webhook = {
  name: "partner",
  url: "https://partner.example/hook",
  queues: ["orders"],
  on: ["completed", "dead"],
  secrets: [{ env: "SHOP" }],
};
const problems = (value: unknown) => {
  const read = parseEndpoints(value, "/", env);
  return Array.isArray(read) ? read : [];
};
const withEndpoint = (change: object) => problems({ endpoints: [{ ...endpoint, ...change }] });

test("the defaults are filled in", () => {
  expect(parseEndpoints({ endpoints: [endpoint], webhooks: [webhook] }, "/", env)).toMatchObject({
    endpoints: [
      { timeoutMs: 30_000, laterMs: 1_800_000, concurrency: 10, maxRetries: 3, allowPrivate: false },
    ],
    webhooks: [{ timeoutMs: 30_000, maxRetries: 16, backoff: { baseMs: 5_000, maxMs: 21_600_000 } }],
    webhookQueue: "webhooks",
    webhookConcurrency: 20,
  });
  expect(parseEndpoints({}, "/", env)).toMatchObject({ endpoints: [], webhooks: [] });
});

test("a problem names its field", () => {
  expect(withEndpoint({ concurrency: 0 })).toEqual(["/endpoints/0/concurrency must be >= 1"]);
  expect(withEndpoint({ timeout: 5 })).toEqual(['/endpoints/0 has unknown fields: "timeout"']);
  const { queue: _, ...noQueue } = endpoint;
  expect(problems({ endpoints: [noQueue] })).toEqual(['/endpoints/0 lacks required fields: "queue"']);
  expect(withEndpoint({ name: "Shop!" })[0]).toContain("/endpoints/0/name");
  expect(problems([])).toEqual(["the file must be object"]);
  expect(problems({ webhooks: [{ ...webhook, on: ["started"] }] })[0]).toMatch(
    /^\/webhooks\/0\/on\/0 must be one of "completed"/,
  );
});

test("a URL has to be https and public, unless the endpoint may be private", () => {
  const url = (text: string, allowPrivate = false) => withEndpoint({ url: text, allowPrivate }).join();
  expect(url("http://shop.example/")).toContain("/endpoints/0/url has to begin with https://");
  expect(url("http://shop.internal/", true)).toBe("");
  expect(url("ftp://shop.internal/", true)).toContain("https://");
  expect(url("https://10.0.0.1/")).toContain("not public");
  expect(url("https://[::1]/")).toContain("not public");
  expect(url("https://10.0.0.1/", true)).toBe("");
  expect(url("shop")).toContain("has to be a URL");
  expect(url("https://user:hunter2@shop.example/")).toContain("user or a password");
  expect(url("https://user:hunter2@shop.example/")).not.toContain("hunter2");
});

test("names, types and queues that clash are refused", () => {
  expect(problems({ endpoints: [endpoint, { ...endpoint, types: ["b"] }] })[0]).toContain("used twice");
  expect(problems({ endpoints: [endpoint], webhooks: [{ ...webhook, name: "shop" }] })[0]).toContain(
    "used twice",
  );
  expect(problems({ endpoints: [endpoint, { ...endpoint, name: "b" }] })[0]).toContain(
    '"order.*" of the queue orders',
  );
  expect(withEndpoint({ queue: "webhooks" })[0]).toContain("queue of webhooks");
  expect(problems({ webhooks: [{ ...webhook, queues: ["webhooks"] }] })[0]).toContain("another one");
});

test("a secret that is missing or wrong is named and not shown", () => {
  const secrets = (...list: object[]) => withEndpoint({ secrets: list });
  expect(secrets({ env: "SHOP" }, { env: "OLD" })).toEqual([]);
  expect(secrets({ env: "NONE" })[0]).toContain("/endpoints/0/secrets/0: NONE is not set");
  expect(secrets({ env: "EMPTY" })[0]).toContain("EMPTY is not set");
  expect(secrets({ env: "SHOP" }, { env: "BAD" })[0]).toContain(
    "/endpoints/0/secrets/1: BAD is not a valid secret",
  );
  expect(secrets({ env: "BAD" }).join()).not.toContain("hunter2");
  expect(secrets({})[0]).toContain('either "env"');
  expect(secrets({ env: "SHOP", file: "x" })[0]).toContain('either "env"');
  expect(secrets({ file: "/none/there" })[0]).toContain("/endpoints/0/secrets/0/file: cannot read it");
  expect(secrets({ env: "A" }, { env: "B" }, { env: "C" })[0]).toContain("/endpoints/0/secrets");
});

test("a file of a secret is found next to the file of endpoints", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-endpoints-"));
  const path = join(folder, "endpoints.json");
  writeFileSync(join(folder, "shop.secret"), `${SECRET}\n`);
  writeFileSync(path, JSON.stringify({ endpoints: [{ ...endpoint, secrets: [{ file: "shop.secret" }] }] }));
  expect(readEndpoints(path, {}).endpoints[0]?.keys).toHaveLength(1);
  writeFileSync(path, `{"endpoints":[{"secrets":["${SECRET}"]}]}`);
  expect(() => readEndpoints(path, {})).toThrow(StartupError);
  expect(() => readEndpoints(path, {})).not.toThrow(SECRET);
  writeFileSync(path, `{"secret": ${SECRET}`);
  expect(() => readEndpoints(path, {})).toThrow("is not valid JSON");
  expect(() => readEndpoints(join(folder, "none.json"), {})).toThrow("ENDPOINTS_FILE: cannot read");
});

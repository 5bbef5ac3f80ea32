import { SCOPES, type Scope } from "@holdfast/contracts";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operation, type SecuredStack, startSecuredStack } from "./secured-stack.ts";

// Calls every route in the API descriptions, with every kind of key that the route has to refuse. A new route is
// tested without a change of this file.
const OTHER = "queue-of-others";
const MINE = "queue-of-mine";

/** For each scope: the scopes of a key that may do as much as possible without this scope. */
const LACKING: Record<Scope, Scope[]> = {
  read: ["enqueue"],
  enqueue: ["control", "work"],
  work: ["control", "enqueue", "read"],
  control: ["read", "enqueue", "work"],
  admin: ["control", "enqueue", "read", "work"],
};

let stack: SecuredStack;
let operations: Operation[];
let owner: string;
const ids: Record<string, string> = {};

/**
 * Creates the objects of the other queue again, because an earlier call with an allowed key may have changed or
 * deleted them.
 */
async function thingsOfOthers(): Promise<void> {
  for (const [path, body] of [
    [`/v1/schedules/${ids.schedules}`, schedule(OTHER)],
    [`/v1/limits/${ids.limits}`, sharedLimit(OTHER)],
    [`/v1/alerts/rules/${ids.alerts}`, alertRule(OTHER)],
  ] as const) {
    const made = await fetch(stack.observability + path, {
      method: "PUT",
      headers: { authorization: `Bearer ${owner}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect([path, [200, 201].includes(made.status)]).toEqual([path, true]);
  }
}

beforeAll(async () => {
  stack = await startSecuredStack();
  operations = await stack.operations();
  owner = (await stack.key({ label: "owner", scopes: ["admin"] })).text;
  const send = (base: string, path: string, method: string, body: object) =>
    fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${owner}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  // Creates one object in the other queue for every kind of object that a path names by an id.
  await send(stack.api, `/v1/queues/${OTHER}/tasks`, "POST", { type: "t", payload: 1, id: "task" });
  await send(stack.api, `/v1/queues/${MINE}/tasks`, "POST", { type: "t", payload: 1, id: "task" });
  const burst = await send(stack.observability, `/v1/queues/${OTHER}/burst`, "POST", { tasks: 1 });
  expect(burst.status).toBe(202);
  ids.operations = ((await burst.json()) as { id: string }).id;
  ids.workers = "worker-of-others";
  ids.schedules = "schedule-of-others";
  ids.limits = "limit-of-others";
  ids.alerts = "alert-of-others";
  await stack.client.registry.putWorker({
    ...{ id: ids.workers, queues: [OTHER], types: [], host: "h", pid: 1, version: "1", slots: 1, busy: 0 },
    ...{ startedAt: Date.now(), heartbeatAt: Date.now(), state: "running" },
  });
  await thingsOfOthers();
}, 180_000);
afterAll(() => stack?.stop());

/**
 * Returns the path of an operation, with `queue` as its queue. If the path contains no queue, it names an object of
 * the other queue.
 */
function pathOf({ path }: Operation, queue: string): string {
  const kind = path.split("/")[2] ?? "";
  return path
    .replaceAll("{queue}", queue)
    .replaceAll(/\{id\}|\{name\}/g, path.includes("{queue}") ? "task" : (ids[kind] ?? "unknown"))
    .replaceAll(/\{\w+\}/g, "x");
}

const schedule = (queue: string) => ({
  queue,
  cron: "0 3 * * *",
  timeZone: "UTC",
  type: "t",
  payloadText: "1",
});

function sharedLimit(queue: string) {
  return { limit: { concurrency: 9 }, queues: [queue] };
}

const alertRule = (queues: string) => ({
  ...{ when: { kind: "no_workers" }, queues, forMs: 0, repeatMs: 0, resolved: true, targets: [] },
});

/** Valid bodies for routes that check access only after they have read the existing object. */
const BODIES: Record<string, object> = {
  "PUT /v1/schedules/{id}": schedule(MINE),
  "PUT /v1/limits/{name}": sharedLimit(MINE),
  "PUT /v1/alerts/rules/{name}": alertRule(MINE),
  "PUT /v1/alerts/targets/{name}": { kind: "slack", url: "https://hooks.example.com/" },
};

async function call(operation: Operation, key: string | undefined, queue = MINE, query = "") {
  const hasBody = operation.bodySchema !== undefined;
  const response = await fetch(operation.base + pathOf(operation, queue) + query, {
    method: operation.method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(hasBody ? { "content-type": "application/json" } : {}),
    },
    ...(hasBody ? { body: JSON.stringify(BODIES[`${operation.method} ${operation.path}`] ?? {}) } : {}),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const guarded = () => operations.filter(({ scope }) => scope !== "public");
const nameOf = ({ service, method, path }: Operation) => `${service} ${method} ${path}`;

test("every route of the descriptions says which key it needs, and only the log-in needs none", () => {
  expect(operations.length).toBeGreaterThan(25);
  const without = operations.filter(({ scope }) => !["public", ...SCOPES].includes(scope ?? ""));
  expect(without.map(nameOf)).toEqual([]);
  const open = operations.filter(({ scope }) => scope === "public");
  expect([...new Set(open.map(({ path }) => path))]).toEqual(["/v1/session"]);
  const changing = operations.filter(({ method, scope }) => method !== "GET" && scope === "read");
  // These routes only compute something, so the scope `read` is enough.
  expect([...new Set(changing.map(({ path }) => path))].sort()).toEqual([
    "/v1/queues/{queue}/limits/try",
    "/v1/schedules/preview",
  ]);
});

test("a request without a key, with a bad one or with an expired one gets 401 as problem+json", async () => {
  const madeAt = Date.now() - 1_000;
  const expired = mintKey({ label: "expired", scopes: ["admin"], expiresAt: madeAt + 1 }, madeAt);
  await new KeyStore(stack.client).add(expired.key);
  // The services read all keys together. If they know this new key, they also know the expired one.
  await stack.key({ label: "later" });
  const bad = [undefined, "", "hf_nonsense", mintKey({ label: "x", scopes: ["admin"] }).text, expired.text];
  for (const operation of guarded()) {
    for (const key of bad) {
      const { status, headers, text } = await call(operation, key);
      expect
        .soft([nameOf(operation), key === expired.text, status])
        .toEqual([nameOf(operation), key === expired.text, 401]);
      expect.soft(headers.get("www-authenticate")).toContain("Bearer");
      expect.soft(headers.get("content-type")).toContain("application/problem+json");
      expect.soft(text).not.toMatch(/ at .*\.(ts|js):\d/);
    }
  }
}, 180_000);

test("a key that lacks the scope gets 403, and a key with only that scope is accepted", async () => {
  const lacking = new Map<string, string>();
  const having = new Map<string, string>();
  for (const scope of SCOPES) {
    lacking.set(scope, (await stack.key({ label: `no ${scope}`, scopes: LACKING[scope] })).text);
    having.set(scope, (await stack.key({ label: `only ${scope}`, scopes: [scope] })).text);
  }
  for (const operation of guarded()) {
    const { scope = "" } = operation;
    const refused = await call(operation, lacking.get(scope));
    expect.soft([nameOf(operation), refused.status]).toEqual([nameOf(operation), 403]);
    // An earlier call may have deleted the queue. So the test only checks that the key is accepted.
    const { status, text } = await call(operation, having.get(scope), "queue-of-nobody");
    const isLetIn = status !== 401 && status < 500 && !(status === 403 && text.includes("scope"));
    expect
      .soft([nameOf(operation), isLetIn, text.slice(0, 200)])
      .toEqual([nameOf(operation), true, text.slice(0, 200)]);
  }
}, 180_000);

test("a key for another queue gets 403, and no answer reveals anything about a queue that the key may not read", async () => {
  const { text } = await stack.key({ label: "limited", scopes: ["admin"], queues: [MINE] });
  await thingsOfOthers();
  await until("the queue is seen", async () => {
    const answer = await fetch(`${stack.observability}/v1/queues`, {
      headers: { authorization: `Bearer ${text}` },
    });
    return (await answer.text()).includes(MINE);
  });
  for (const operation of guarded()) {
    const answer = await call(operation, text, OTHER);
    if (operation.path.includes("{queue}")) {
      expect.soft([nameOf(operation), answer.status]).toEqual([nameOf(operation), 403]);
    } else if (/\{id\}|\{name\}/.test(operation.path)) {
      expect.soft(answer.text).not.toContain(OTHER);
      if (operation.method === "PUT") {
        // A PUT would overwrite an object of the other queue. So it is refused with 403, although this answer reveals
        // that the object exists.
        expect.soft([nameOf(operation), answer.status]).toEqual([nameOf(operation), 403]);
        continue;
      }
      // The answer is the same as for a missing object, so that the caller does not learn whether the object exists.
      const kind = operation.path.split("/")[2] ?? "";
      const there = ids[kind] ?? "";
      ids[kind] = "thing-of-nobody";
      const never = await call(operation, text, OTHER);
      ids[kind] = there;
      const toldOf = (text: string, id: string) => {
        const { status, code, detail } = JSON.parse(text) as Record<string, unknown>;
        return { status, code, detail: String(detail).replace(id, "it") };
      };
      expect
        .soft([nameOf(operation), toldOf(answer.text, there)])
        .toEqual([nameOf(operation), toldOf(never.text, "thing-of-nobody")]);
    } else {
      expect.soft([nameOf(operation), answer.text.includes(OTHER)]).toEqual([nameOf(operation), false]);
    }
  }
}, 180_000);

test("every route refuses an unknown query parameter and names it", async () => {
  for (const operation of operations) {
    const { status, text } = await call(operation, owner, MINE, "?no_such_filter=1");
    const { errors, code } = JSON.parse(text) as { code: string; errors?: { in: string; message: string }[] };
    // `call` has no valid body for some routes, and an invalid body is refused before the query is checked.
    const isBody =
      errors?.some((error) => error.in === "body") || ["invalid_json", "invalid_argument"].includes(code);
    const named = errors?.some(
      (error) => error.in === "querystring" && error.message.includes("no_such_filter"),
    );
    expect
      .soft([nameOf(operation), status, named ?? false])
      .toEqual(isBody ? [nameOf(operation), 422, false] : [nameOf(operation), 400, true]);
  }
}, 180_000);

test("no answer that needs a key may be kept by a cache", async () => {
  const { text } = await stack.key({ label: "reader", scopes: ["admin"] });
  for (const operation of guarded())
    for (const key of [text, undefined]) {
      const { headers } = await call(operation, key, "queue-of-nobody");
      expect.soft([nameOf(operation), headers.get("cache-control")]).toEqual([nameOf(operation), "no-store"]);
    }
}, 180_000);

test("health, metrics, the description and its pages need no key", async () => {
  for (const base of [stack.api, stack.workerApi, stack.observability])
    for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs"])
      expect([path, (await fetch(base + path)).status]).toEqual([path, 200]);
});

test("every answer has a request id, which the client cannot choose", async () => {
  for (const operation of operations.slice(0, 5)) {
    const own = await call(operation, undefined);
    expect(own.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  }
  const given = await fetch(`${stack.api}/livez`, { headers: { "x-request-id": "mine-1" } });
  expect(given.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

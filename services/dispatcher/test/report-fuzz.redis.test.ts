import { type RedisServer, startRedisServer } from "@holdfast/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newSecret, signedText } from "./receiver.ts";
import { Systems } from "./setup.ts";

// The general fuzz test of the services knows no secret, so its requests would all be refused for their signature.
const RUNS = Number(process.env.HOLDFAST_FUZZ_RUNS ?? 200);
const secret = newSecret();
let redis: RedisServer;
let url: string;
const systems = new Systems(() => redis);

beforeAll(async () => {
  redis = await startRedisServer();
  const endpoint = { name: "shop", url: "https://example.com/", queue: "orders", types: ["*"] };
  const file = { endpoints: [{ ...endpoint, secrets: [{ env: "SECRET" }] }] };
  url = (await systems.dispatcher(file, { SECRET: secret })).url;
});
afterAll(async () => {
  await systems.clean();
  await redis?.stop();
});

const report = fc.record(
  {
    token: fc.oneof(fc.string(), fc.constant("1-abcdefgh.1"), fc.integer()),
    verdict: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("completed", "failed", "fatal", "postpone") },
      fc.string(),
      fc.constant(null),
    ),
    result: fc.jsonValue({ maxDepth: 3 }),
    error: fc.oneof(fc.string(), fc.integer()),
    delayMs: fc.oneof(fc.integer(), fc.double(), fc.string()),
    unknown: fc.constant(1),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.string({ minLength: 1 }).map((token) => JSON.stringify({ token, verdict: "completed" })),
  report.map((value) => JSON.stringify(value)),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string(),
  fc.constantFrom("", "{", '{"a":1,"a":2}', "[".repeat(2_000), '"\\ud800"', "\ufeff{}"),
);
const id = fc.oneof(
  fc.constantFrom("task-1", "a%2Fb", "%00", ".."),
  fc.stringMatching(/^[A-Za-z0-9_.:-]{1,40}$/),
);

test("no signed report makes the route fail or is accepted for a task that nobody holds", async () => {
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(id, body, fc.boolean(), async (task, text, isSigned) => {
      const signed = signedText(isSigned ? secret : newSecret(), task, text);
      const answer = await fetch(`${url}/v1/endpoints/shop/tasks/${task}/settle`, signed);
      const said = await answer.text();
      const where = `${answer.status} ${said.slice(0, 300)}`;
      if (![400, 401, 404, 409, 413, 422].includes(answer.status)) throw new Error(where);
      statuses.add(answer.status);
      if (!answer.headers.get("content-type")?.includes("problem+json"))
        throw new Error(`no problem: ${where}`);
      if (said.includes("    at ")) throw new Error(`a stack: ${where}`);
    }),
    { numRuns: RUNS },
  );
  // A correct report with a correct signature is answered 404, because no task has its id.
  expect([...statuses]).toEqual(expect.arrayContaining([401, 404, 422]));
}, 600_000);

test("the description has this one route, and it needs a signature instead of a key", async () => {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { "x-scope": string }>>;
  };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { "x-scope": scope }]) => [method, path, scope]),
  );
  expect(routes).toEqual([["post", "/v1/endpoints/{endpoint}/tasks/{id}/settle", "public"]]);
  const unsigned = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  expect((await fetch(`${url}/v1/endpoints/shop/tasks/a/settle`, unsigned)).status).toBe(401);
  expect((await fetch(`${url}/v1/endpoints/other/tasks/a/settle`, unsigned)).status).toBe(404);
});

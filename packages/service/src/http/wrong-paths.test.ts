import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { Type } from "typebox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMetrics } from "../metrics.ts";
import { createHttpServer } from "./server.ts";
import type { HttpServer } from "./types.ts";

let app: HttpServer;
beforeAll(async () => {
  app = await createHttpServer({
    ...{ title: "t", description: "d", version: "0", host: "127.0.0.1", allowedHosts: [] },
    logger: pino({ level: "silent" }),
    metrics: createMetrics({ service: "test", version: "0" }),
    ready: async () => ({ ok: true, detail: "" }),
  });
  const params = Type.Object({ queue: Type.String({ pattern: "^[a-z]+$" }) });
  app.get("/v1/queues/:queue", { schema: { params } }, async ({ params }) => params);
  await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => app.close());

/** Sends the path as it is. `fetch` would change it. */
async function asked(path: string): Promise<{ status: number; head: string; body: string }> {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), body };
}

test.each([
  ["/v1/queues/%", 400, "invalid_request"],
  ["/v1/queues/a%2", 400, "invalid_request"],
  ["/v1/queues/%ff?x=%", 400, "invalid_request"],
  ["/v1/queues/%00", 422, "invalid_queue_name"],
  ["/%", 404, "not_found"],
  ["//", 404, "not_found"],
  ["//v1/queues/a", 404, "not_found"],
  [`/v1/queues/${"a".repeat(257)}`, 400, "invalid_request"],
  [`/${"a".repeat(10_000)}`, 404, "not_found"],
  ["*", 404, "not_found"],
])("a wrong path is answered with a problem that has all headers: %#", async (path, status, code) => {
  const answer = await asked(path);
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { status, code }]);
  expect(answer.head).toContain("content-type: application/problem+json");
  expect(answer.head).toContain("x-content-type-options: nosniff");
  expect(answer.head).toContain(`x-request-id: ${JSON.parse(answer.body).requestId}`);
});

test("a path with escapes that can be decoded is decoded", async () => {
  expect((await asked("/v1/queues/%61b")).body).toBe('{"queue":"ab"}');
});

test("a URL that is longer than Node takes is answered with a problem", async () => {
  const answer = await asked(`/${"a".repeat(20_000)}`);
  expect([answer.status, JSON.parse(answer.body).code]).toEqual([431, "invalid_request"]);
});

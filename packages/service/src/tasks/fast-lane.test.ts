import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createHttpServer } from "../http/server.ts";
import { createMetrics } from "../metrics.ts";
import { registerFastLane } from "./fast-lane.ts";
import { registerTaskRoutes } from "./routes.ts";

const SENDERS: Record<string, Identity> = {
  all: ANONYMOUS,
  reader: { ...ANONYMOUS, scopes: ["read"] },
  stranger: { ...ANONYMOUS, scopes: ["enqueue"], queues: ["other"] },
};

/** Serves tasks of a fake queue. The header Authorization has the name of the sender. */
async function setup() {
  const app = await createHttpServer({
    ...{ title: "Trial", description: "Trial.", version: "0", host: "127.0.0.1", allowedHosts: [] },
    logger: pino({ level: "silent" }),
    metrics: createMetrics({ service: "trial", version: "0" }),
    ready: async () => ({ ok: true, detail: "" }),
    identify: ({ headers }) => SENDERS[headers.authorization ?? ""] as Identity,
  });
  onTestFinished(() => app.close());
  const receipt = { id: "x", state: "pending", duplicate: false, willRun: true, durability: "memory" };
  const options = { queue: () => ({ enqueueText: async () => receipt }) as never };
  registerTaskRoutes(app, options);
  registerFastLane(app, options);
  const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  /** @returns the status, and whether the fast lane (fast-lane.ts) or Fastify served the request */
  return async (sender: string, { host = "localhost", queue = "mails" } = {}) => {
    const headers = { host, authorization: sender, "content-type": "application/json" };
    const path = `/v1/queues/${queue}/tasks`;
    const sent = request({ host: "127.0.0.1", port, path, method: "POST", headers });
    sent.setHeader("content-length", 24).end('{"type":"t","payload":1}');
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    await once(response.resume(), "end");
    // The fast lane sends only some of the security headers.
    const way = response.headers["x-dns-prefetch-control"] === undefined ? "fast lane" : "Fastify";
    return `${response.statusCode} ${way}`;
  };
}

test("a request that follows an accepted one is checked if its Host, its sender or its queue is another one", async () => {
  const post = await setup();
  const accepted = "201 fast lane";
  const refused = "403 Fastify";
  expect(await post("reader")).toBe(refused);
  expect(await post("all", { host: "evil.example" })).toBe(refused);
  for (let turn = 0; turn < 2; turn++) {
    expect(await post("all")).toBe(accepted);
    expect(await post("all")).toBe(accepted);
    expect(await post("all", { host: "evil.example" })).toBe(refused);
    expect(await post("reader")).toBe(refused);
    expect(await post("stranger")).toBe(refused);
  }
  expect(await post("stranger", { queue: "other" })).toBe(accepted);
  expect(await post("stranger", { queue: "other" })).toBe(accepted);
  expect(await post("stranger")).toBe(refused);
});

import { KeyStore, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { FatalError, Holdfast, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Running, startRunning } from "./running.ts";

let running: Running;
let client: Holdfast;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  running = await startRunning({
    env: { OPERATIONS_PER_KEY: "8", STREAMS_PER_KEY: "2" },
    beforeStart: async (redis) => {
      client = new Holdfast({ redis: redis.url });
      await client.check();
      await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
    },
  });
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await running?.stop();
  await client?.close();
});

async function newKey(label: string) {
  const { key, text } = mintKey({ label, scopes: ["admin"] });
  await new KeyStore(client).add(key);
  const headers = { authorization: `Bearer ${text}` };
  const call = (method: string, path: string, body?: unknown) => running.call(method, path, body, headers);
  await until(
    "the service knows the key",
    async () => (await call("GET", "/v1/queues")).status === 200,
    5_000,
  );
  return { call, headers };
}

async function deadLetters(name: string, count: number): Promise<string[]> {
  const queue = new Queue(name, { client });
  const worker = new Worker(
    name,
    {
      t: () => {
        throw new FatalError("no");
      },
    },
    { redis: running.redis.url, concurrency: 50 },
  );
  await worker.start();
  const receipts = await queue.enqueueMany(Array.from({ length: count }, () => ({ type: "t", payload: 1 })));
  const ids = receipts.map((result) => (result.ok ? result.receipt.id : ""));
  await until(
    "all tasks are dead",
    async () => (await queue.get(ids.at(-1) as string))?.state === "dead" && (await dead(name)) === count,
    60_000,
  );
  await worker.stop();
  return ids;
}

const dead = async (name: string) =>
  Number(await client.connection.command("ZCARD", `queue:{${name}}:dead_letters`));

test("a key with many operations does not hold up the operations of another key", async () => {
  const greedy = await newKey("greedy");
  const other = await newKey("other");
  await deadLetters("greedy", 700);
  await deadLetters("other", 700);
  const [one = "", two = "", three = ""] = await deadLetters("small", 3);
  const slowly = { all: true, to: "elsewhere", ratePerSecond: 1 };
  const start = (who: typeof greedy, queue: string, body: unknown = slowly) =>
    who.call("POST", `/v1/queues/${queue}/dead-letters/replay`, body);
  const began: string[] = [];
  for (let n = 0; n < 8; n++) {
    const { status, json } = await start(greedy, "greedy");
    expect(status).toBe(202);
    began.push(String(json().id));
  }
  const ninth = await start(greedy, "greedy");
  expect([ninth.status, ninth.json().code, ninth.headers.get("retry-after")]).toEqual([
    ...[429, "rate_limited", "5"],
  ]);
  expect(ninth.headers.get("content-type")).toContain("application/problem+json");
  expect(ninth.json().detail).toContain("OPERATIONS_PER_KEY");

  // The small operations of both keys run at once, and so do their undo operations.
  for (const [who, id] of [
    [other, one],
    [greedy, two],
  ] as const) {
    const discard = await who.call("POST", "/v1/queues/small/dead-letters/discard", { ids: [id] });
    expect([discard.status, discard.json().discarded]).toEqual([200, 1]);
    const undo = await who.call("POST", `/v1/operations/${discard.json().operationId}/undo`);
    expect(undo.status).toBe(202);
    await until("the discard is undone", async () => {
      const view = (await who.call("GET", `/v1/operations/${undo.json().id}`)).json();
      return view.state === "succeeded";
    });
  }
  // The large operations of the first key fill all their places for minutes. Even so, a large operation of another
  // key runs.
  const large = await start(other, "other", { ...slowly, ratePerSecond: 10_000 });
  expect(large.status).toBe(202);
  await until("the large operation has ended", async () => {
    const view = (await other.call("GET", `/v1/operations/${large.json().id}`)).json();
    return view.state === "succeeded";
  });

  // A paused operation counts as open for its key until it is cancelled.
  const [first = ""] = began;
  const state = async () => (await greedy.call("GET", `/v1/operations/${first}`)).json().state;
  await greedy.call("POST", `/v1/operations/${first}/pause`);
  await until("the operation is paused", async () => (await state()) === "paused");
  expect((await start(greedy, "greedy")).status).toBe(429);
  await greedy.call("POST", `/v1/operations/${first}/cancel`);
  await until("the operation is cancelled", async () => (await state()) === "cancelled");
  expect((await start(greedy, "small", { ids: [three], to: "elsewhere", ratePerSecond: 1 })).status).toBe(
    202,
  );
  expect((await running.call("GET", "/v1/operations")).status).toBe(401);
});

test("the live streams of one key are limited, and a further stream is refused before the upgrade", async () => {
  const greedy = await newKey("greedy");
  const other = await newKey("other");
  const open = async ({ headers }: typeof greedy) => {
    const socket = new WebSocket(`ws://127.0.0.1:${running.port}/v1/stream`, { headers });
    sockets.push(socket);
    return new Promise<{ status: number; retryAfter?: string | undefined; body?: string; socket: WebSocket }>(
      (resolve, reject) => {
        socket.on("message", () => resolve({ status: 101, socket }));
        socket.on("error", reject);
        socket.on("unexpected-response", (_request, response) => {
          let body = "";
          response.on("data", (chunk: Buffer) => {
            body += chunk;
          });
          response.on("end", () =>
            resolve({
              ...{ status: response.statusCode ?? 0, body, socket },
              retryAfter: response.headers["retry-after"],
            }),
          );
        });
      },
    );
  };
  const [first, second] = [await open(greedy), await open(greedy)];
  expect([first.status, second.status]).toEqual([101, 101]);
  const third = await open(greedy);
  expect([third.status, third.retryAfter]).toEqual([429, "5"]);
  expect(JSON.parse(third.body ?? "")).toMatchObject({ code: "rate_limited", status: 429 });
  expect(third.body).toContain("STREAMS_PER_KEY");
  expect((await open(other)).status).toBe(101);
  first.socket.close();
  await until("the key may open another stream", async () => (await open(greedy)).status === 101);
});

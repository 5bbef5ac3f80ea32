import type { SessionView, StreamMessage } from "@holdfast/contracts/api";
import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Running, startRunning } from "./running.ts";

let running: Running;
let client: Holdfast;
beforeEach(async () => {
  running = await startRunning();
  client = new Holdfast({ redis: running.redis.url });
  await client.check();
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterEach(async () => {
  await client?.close();
  await running?.stop();
});

async function keyOf(spec: Partial<NewKey> = {}) {
  const { key, text } = mintKey({ label: "test", scopes: ["read"], ...spec });
  await new KeyStore(client).add(key);
  const authorization = `Bearer ${text}`;
  await until(
    "the service knows the key",
    async () =>
      (await running.call("GET", "/v1/session", undefined, { authorization })).json().label === key.label,
  );
  return { id: key.id, text, headers: { authorization } };
}

interface Stream {
  frames: StreamMessage[];
  closed: Promise<number>;
  isOpen(): boolean;
}

/** Opens the live stream. Returns the HTTP status if it is refused before the upgrade. */
function open(headers: Record<string, string>): Promise<Stream | number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${running.port}/v1/stream`, { headers });
    const frames: StreamMessage[] = [];
    const closed = new Promise<number>((done) => socket.once("close", done));
    socket.on("message", (data) => frames.push(JSON.parse(String(data)) as StreamMessage));
    socket.once("unexpected-response", (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.on("error", () => {});
      socket.terminate();
    });
    socket.on("error", () => {});
    socket.once("open", () =>
      resolve({ frames, closed, isOpen: () => socket.readyState === WebSocket.OPEN }),
    );
  });
}

async function opened(headers: Record<string, string>): Promise<Stream> {
  const stream = await open(headers);
  if (typeof stream === "number") throw new Error(`refused with ${stream}`);
  return stream;
}

const within = <T>(promise: Promise<T>, ms: number) => {
  let value: T | undefined;
  void promise.then((result) => {
    value = result;
  });
  return until("the stream has ended", () => value !== undefined, ms).then(() => value);
};

test("the stream is refused before the upgrade, shows a limited key its queues, and ends with the key", async () => {
  for (const queue of ["mail", "secret"])
    await running.call("POST", `/v1/queues/${queue}/tasks`, { type: "t", payload: 1 });
  const limited = await keyOf({ label: "limited", queues: ["mail"] });
  const writer = await keyOf({ label: "writer", scopes: ["enqueue"] });
  expect(await open({})).toBe(401);
  expect(await open({ authorization: "Bearer hf_wrong" })).toBe(401);
  expect(await open(writer.headers)).toBe(403);
  expect(await open({ ...limited.headers, origin: "https://evil.example" })).toBe(403);
  const stream = await opened(limited.headers);
  await until("a frame has arrived", () => stream.frames.some(({ queues }) => queues.length > 0));
  await until("two frames have arrived", () => stream.frames.length > 2);
  expect(JSON.stringify(stream.frames)).not.toContain("secret");
  expect(stream.frames.at(-1)).toMatchObject({ queuesTotal: 1, queues: [{ queue: "mail" }] });
  await new KeyStore(client).revoke(limited.id);
  expect(await within(stream.closed, 1_000)).toBe(4_401);
  expect(await open(limited.headers)).toBe(401);
});

test("a session opens the stream; both end within a second of the end of the key, and the stream ends at log-out and expiry", async () => {
  const logIn = async (key: string) => {
    const answer = await running.call("POST", "/v1/session", { key }, { origin: running.url });
    expect(answer.status).toBe(200);
    return { cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "", origin: running.url };
  };
  const [revoked, leaves, expires] = [
    await keyOf({ label: "revoked" }),
    await keyOf({ label: "leaves" }),
    await keyOf({ label: "expires", expiresAt: Date.now() + 5_000 }),
  ];
  const people = [await logIn(revoked.text), await logIn(leaves.text), await logIn(expires.text)] as const;
  const streams = [await opened(people[0]), await opened(people[1]), await opened(people[2])] as const;
  const me = async (person: { cookie: string }) =>
    (await running.call("GET", "/v1/session", undefined, person)).json() as unknown as SessionView;
  expect((await me(people[0])).label).toBe("revoked");

  await new KeyStore(client).revoke(revoked.id);
  expect(await within(streams[0].closed, 1_000)).toBe(4_401);
  expect((await me(people[0])).authenticated).toBe(false);
  expect((await running.call("GET", "/v1/queues", undefined, people[0])).status).toBe(401);
  expect([streams[1].isOpen(), streams[2].isOpen()]).toEqual([true, true]);

  await running.call("DELETE", "/v1/session", undefined, people[1]);
  expect(await within(streams[1].closed, 1_000)).toBe(4_401);
  expect(await within(streams[2].closed, 7_000)).toBe(4_401);
});

test("a viewer can neither replay nor discard, pause, enqueue or send a burst", async () => {
  const viewer = await keyOf({ label: "viewer" });
  const paths = ["dead-letters/replay", "dead-letters/discard", "pause", "tasks", "burst"];
  for (const path of paths) {
    const answer = await running.call("POST", `/v1/queues/q/${path}`, { all: true }, viewer.headers);
    expect([path, answer.status]).toEqual([path, 403]);
  }
});

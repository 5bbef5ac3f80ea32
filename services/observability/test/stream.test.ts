import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { StreamMessage } from "@holdfast/contracts/api";
import { Value } from "typebox/value";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { App } from "../src/app.ts";
import { statsOf, type TestAppOptions, testApp } from "./fakes.ts";

let app: App | undefined;
const sockets: WebSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await app?.stop();
  app = undefined;
});

async function setup(options: TestAppOptions = {}) {
  app = await testApp(options);
  await app.server.listen({ host: "127.0.0.1", port: 0 });
  app.start();
  const { port } = app.server.server.address() as AddressInfo;
  const open = (headers: Record<string, string> = {}) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, { headers });
    sockets.push(socket);
    const frames: StreamMessage[] = [];
    socket.on("message", (data) => frames.push(JSON.parse(String(data)) as StreamMessage));
    return { socket, frames };
  };
  return { open, port };
}

test("a client gets frames of the documented shape, numbered, at most two a second", async () => {
  const { open } = await setup({ observer: { snapshot: async () => [statsOf("q", { pending: 2 })] } });
  const { frames } = open();
  const begin = performance.now();
  await expect.poll(() => frames.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(4);
  // The first frame comes at once, and the others half a second apart.
  expect(performance.now() - begin).toBeGreaterThan(900);
  for (const frame of frames) expect([...Value.Errors(StreamMessage, frame)]).toEqual([]);
  expect(frames.map(({ seq }) => seq).slice(0, 4)).toEqual([1, 2, 3, 4]);
  expect(frames.at(-1)).toMatchObject({ redisUp: true, queues: [{ queue: "q", pending: 2 }] });
});

test("a frame says that Redis is down", async () => {
  let isUp = true;
  const { open } = await setup({
    observer: {
      snapshot: async () => {
        if (!isUp) throw new Error("down");
        return [statsOf("q")];
      },
    },
  });
  const { frames } = open();
  await expect.poll(() => frames.at(-1)?.redisUp).toBe(true);
  isUp = false;
  await expect.poll(() => frames.at(-1)?.redisUp, { timeout: 3_000 }).toBe(false);
  expect(frames.at(-1)?.queues).toHaveLength(1);
});

test("a page of another origin is refused before the upgrade, unless its origin is on the list", async () => {
  const { open } = await setup({ allowedOrigins: ["http://localhost:5173"] });
  const evil = open({ origin: "http://evil.example" });
  const [error] = (await once(evil.socket, "error")) as [Error];
  expect(error.message).toContain("403");
  const vite = open({ origin: "http://localhost:5173" });
  await expect.poll(() => vite.frames.length).toBeGreaterThan(0);
});

test("a foreign Host is refused before the upgrade", async () => {
  const { open } = await setup();
  const { socket } = open({ host: "evil.example", origin: "http://evil.example" });
  const [error] = (await once(socket, "error")) as [Error];
  expect(error.message).toContain("403");
});

test("a client that sends too much is disconnected", async () => {
  const { open } = await setup();
  const { socket, frames } = open();
  await expect.poll(() => frames.length).toBeGreaterThan(0);
  socket.send("x".repeat(2_000));
  const [code] = (await once(socket, "close")) as [number];
  expect(code).toBe(1009);
});

test("the gauge shows how many clients are connected", async () => {
  const { open } = await setup();
  const first = open();
  await expect.poll(() => first.frames.length).toBeGreaterThan(0);
  const gauge = async () =>
    (await app?.server.inject({ url: "/metrics", headers: { host: "127.0.0.1" } }))?.body.match(
      /holdfast_ws_clients (\d)/,
    )?.[1];
  expect(await gauge()).toBe("1");
  first.socket.close();
  await expect.poll(gauge).toBe("0");
});

test("the service stops even if clients are connected", async () => {
  const { open, port } = await setup();
  const { socket, frames } = open();
  await expect.poll(() => frames.length).toBeGreaterThan(0);
  const closed = once(socket, "close");
  await app?.stop();
  expect(((await closed) as [number])[0]).toBe(1001);
  const refused = connect({ host: "127.0.0.1", port });
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNREFUSED");
});

import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { type Answer, post, startWorkerApi } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
let app: App;
let base: string;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
  ({ app, base } = await startWorkerApi(redis.url));
});

afterAll(async () => {
  await app?.stop();
  await client?.close();
  await redis?.stop();
});

interface Holder {
  id: string;
  text: string;
}

/** Makes a key. Resolves when the service knows it. */
async function keyOf(spec: Partial<NewKey> = {}): Promise<Holder> {
  const { key, text } = mintKey({ label: "test", scopes: ["work"], ...spec });
  await new KeyStore(client).add(key);
  await until("the service knows the key", async () => {
    const { status } = await post(base, "none", "acquire", {}, { key: text });
    return status !== 401;
  });
  return { id: key.id, text };
}

interface Granted {
  id: string;
  token: string;
}

/** Makes a new queue, and a worker that uses this key. The id of the worker is the same for each key. */
function setup() {
  const name = `keys-${++queues}`;
  const queue = new Queue(name, { client });
  const worker = ({ text }: Holder) => {
    let requestId = 0;
    const ask = (path: string, body: object): Promise<Answer> => post(base, name, path, body, { key: text });
    const numbered = (path: string, body: object) =>
      ask(path, { workerId: "w", requestId: ++requestId, ...body });
    return {
      ask,
      acquire: async (): Promise<Granted> => {
        const { json } = await numbered("acquire", { want: 1, waitMs: 5_000 });
        return { id: json.tasks[0].id, token: json.tasks[0].token };
      },
      settle: (verdicts: object[]) => numbered("settle", { verdicts }),
    };
  };
  const record = async (id: string) =>
    client.connection.command<string>("HGET", client.engine(name).keys.state, id);
  return { name, queue, worker, record };
}

const refused = { status: 403, json: { code: "forbidden" } };

describe("what a key may do", () => {
  test("a key for one queue is refused for another one", async () => {
    const { name, queue } = setup();
    const key = await keyOf({ queues: [name] });
    await queue.enqueue("t", 1);
    const body = { workerId: "w", requestId: 1, want: 1 };
    expect(await post(base, "keys-other", "acquire", body, { key: key.text })).toMatchObject(refused);
    const info = { queues: ["keys-other"] };
    expect(await post(base, name, "acquire", { ...body, info }, { key: key.text })).toMatchObject(refused);
    expect((await post(base, name, "acquire", body, { key: key.text })).json.tasks).toHaveLength(1);
    expect((await client.registry.queues()).includes("keys-other")).toBe(false);
  });

  test("a key without the scope work is refused", async () => {
    const { name } = setup();
    const { text } = await keyOf({ scopes: ["enqueue", "read", "control"] });
    const body = { workerId: "w", requestId: 1, want: 1 };
    expect(await post(base, name, "acquire", body, { key: text })).toMatchObject(refused);
    expect(await post(base, name, "acquire", body)).toMatchObject({ status: 401 });
  });

  test("the long poll of a key ends with 401 when the key is revoked, and takes no task", async () => {
    const { name, queue } = setup();
    const { id, text } = await keyOf();
    const asked = { workerId: "revoked", requestId: 1, want: 1, waitMs: 30_000 };
    const poll = post(base, name, "acquire", asked, { key: text });
    const observer = new Observer({ client });
    await until("the worker waits", async () =>
      (await observer.workers()).some((worker) => worker.id === `revoked@${id}`),
    );
    await new KeyStore(client).revoke(id);
    expect(await poll).toMatchObject({ status: 401, json: { code: "unauthorized" } });
    const task = await queue.enqueue("t", 1);
    expect(await queue.get(task.id)).toMatchObject({ state: "pending", releases: 0 });
  });

  test("two keys may use the same worker id and the same request ids", async () => {
    const { queue, worker } = setup();
    const ids = [(await queue.enqueue("t", 1)).id, (await queue.enqueue("t", 2)).id];
    const [one, two] = [worker(await keyOf()), worker(await keyOf())];
    const tasks = [await one.acquire(), await two.acquire()];
    expect(tasks.map(({ id }) => id)).toEqual(ids);
    const verdict = (task: Granted | undefined) => [{ ...task, verdict: "complete" }];
    expect((await one.settle(verdict(tasks[0]))).json.outcomes).toEqual(["acked"]);
    expect((await two.settle(verdict(tasks[1]))).json.outcomes).toEqual(["acked"]);
  });
});

describe("a task that another key acquired", () => {
  /** Every request about one task, except for settle. */
  const requests: [string, object][] = [
    ["progress", { progress: 1 }],
    ["progress", { checkpoint: 1 }],
    ["log", { line: "x" }],
    ["checkpoint", {}],
    ["steps/read", {}],
    ["steps/result", { place: 1 }],
    ["steps/write", { place: 2, name: "b", result: 2 }],
    ["steps/sleep", { place: 2, name: "b", ms: 1_000 }],
    ["steps/wait", { place: 2, name: "b", events: ["go"], timeoutMs: 1_000 }],
    ["steps/call", { place: 2, name: "b", type: "called", payload: 1 }],
    ["children", {}],
  ];

  async function acquired() {
    const { name, queue, worker, record } = setup();
    const holder = worker(await keyOf());
    const strange = await keyOf();
    const stranger = worker(strange);
    const { id } = await queue.enqueue("t", 1);
    const task = await holder.acquire();
    expect(task.id).toBe(id);
    await holder.ask("steps/write", { ...task, place: 1, name: "a", result: 1 });
    await holder.ask("progress", { ...task, progress: "mine", checkpoint: "mine" });
    const before = await record(id);
    /** Checks that nobody has changed the task, and that its holder can still complete it. */
    const unchanged = async () => {
      expect(await record(id)).toBe(before);
      expect((await holder.ask("steps/read", task)).json).toMatchObject({ count: 1 });
      expect((await holder.ask("checkpoint", task)).json).toEqual({ checkpoint: "mine" });
      expect(await queue.get(id)).toMatchObject({ progress: '"mine"', log: [] });
      expect((await new Observer({ client }).stats(name)).pending).toBe(0);
      expect((await holder.settle([{ ...task, verdict: "complete" }])).json.outcomes).toEqual(["acked"]);
    };
    return { task, strange, holder, stranger, unchanged, queue };
  }

  test("it cannot be settled, extended, reported on or read with its token", async () => {
    const { task, stranger, unchanged } = await acquired();
    for (const [path, more] of requests)
      expect.soft(await stranger.ask(path, { ...task, ...more }), path).toMatchObject(refused);
    for (const verdict of ["complete", "release", "unstarted", "no_handler"])
      expect.soft(await stranger.settle([{ ...task, verdict }]), verdict).toMatchObject(refused);
    const beat = { workerId: "w", leases: [task], leaseMs: 1_000 };
    expect(await stranger.ask("heartbeat", beat)).toMatchObject(refused);
    await unchanged();
  });

  test("a made-up token with the id of one's own key is as good as none", async () => {
    const { task, strange, stranger, unchanged } = await acquired();
    const [, grant = "", nonce = "", rest = ""] = /^(\d+)-([\w-]+)(\..*)$/.exec(task.token) ?? [];
    const token = `${grant}-${strange.id}${nonce.slice(strange.id.length)}${rest}`;
    expect(token).toHaveLength(task.token.length);
    const forged = { id: task.id, token };
    for (const [path, more] of requests)
      expect
        .soft(await stranger.ask(path, { ...forged, ...more }), path)
        .toMatchObject({ status: 409, json: { code: "conflict" } });
    for (const verdict of ["complete", "release", "unstarted", "no_handler"]) {
      const { status, json } = await stranger.settle([{ ...forged, verdict }]);
      expect.soft([verdict, status, json.outcomes]).toEqual([verdict, 200, ["stale"]]);
    }
    const beat = { workerId: "w", leases: [forged], leaseMs: 1_000 };
    expect((await stranger.ask("heartbeat", beat)).json.leases).toEqual(["lost"]);
    await unchanged();
  });

  test("a settle with one verdict about it settles none of the others", async () => {
    const { task, stranger, unchanged, queue } = await acquired();
    await queue.enqueueMany([
      { type: "t", payload: 2 },
      { type: "t", payload: 3 },
    ]);
    const own = [await stranger.acquire(), await stranger.acquire()];
    const verdicts = [own[0], task, own[1]].map((one) => ({ ...one, verdict: "complete" }));
    expect(await stranger.settle(verdicts)).toMatchObject({
      status: 403,
      json: { code: "forbidden", errors: [{ path: "/verdicts/1/token" }] },
    });
    for (const one of own) expect(await queue.get(one.id)).toMatchObject({ state: "processing" });
    const rest = own.map((one) => ({ ...one, verdict: "complete" }));
    expect((await stranger.settle(rest)).json.outcomes).toEqual(["acked", "acked"]);
    await unchanged();
  });
});

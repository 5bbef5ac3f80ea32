import { chromium, type Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { executablePath } from "../browser/support.ts";
import { holdfast, observabilityUrl, producerUrl, type Reply, request, until } from "./stack.ts";

const QUEUE = "/v1/queues/demo";
const DEAD = "viewer-dead-1";
const REPLAY = { ids: [DEAD] };
const LIST = `${QUEUE}/dead-letters`;

interface Admin {
  /** The API key of an administrator. */
  key: string;
  /** The settings with which the command `holdfast` reaches Redis. */
  redis: Record<string, string>;
}

/** Tests callers without a key, with a read-only key, and with a session. The stack has to run already. */
export function people(admin: () => Admin): void {
  const own = () => ({ origin: observabilityUrl() });
  const streamUrl = () => `${observabilityUrl().replace("http:", "ws:")}/v1/stream`;
  const ask = <T = unknown>(method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    request<T>(method, `${observabilityUrl()}${path}`, { headers, ...(body === undefined ? {} : { body }) });
  /** Logs in. @returns the reply, with the cookie as a browser would send it back */
  const logIn = async (key: string): Promise<Reply & { cookie: string; set: string }> => {
    const reply = await ask("POST", "/v1/session", own(), { key });
    const set = reply.headers.get("set-cookie") ?? "";
    return { ...reply, set, cookie: set.split(";")[0] ?? "" };
  };
  const taskOf = async () => {
    const headers = { authorization: `Bearer ${admin().key}` };
    const url = `${producerUrl()}${QUEUE}/tasks/${DEAD}?waitMs=2000`;
    return (await request<{ state: string; generation: number }>("GET", url, { headers })).body;
  };
  const stillDead = async () => expect(await taskOf()).toMatchObject({ state: "dead", generation: 0 });

  test("the dashboard asks for a key before it shows or changes anything", async () => {
    const page = await fetch(observabilityUrl());
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("<div id=");
    const session = await ask("GET", "/v1/session", {});
    expect(session.body).toMatchObject({ authenticated: false, keysRequired: true, scopes: [] });
    for (const path of ["/v1/queues", LIST, "/v1/workers", "/v1/audit", "/v1/operations"])
      expect([path, (await ask("GET", path, {})).status]).toEqual([path, 401]);
    expect((await ask("POST", `${LIST}/replay`, own(), { all: true })).status).toBe(401);
    const wrong = await logIn("hf_000000000000_wrong");
    expect([wrong.status, wrong.set]).toEqual([401, ""]);
  });

  describe("a user with a key of the role viewer", () => {
    let viewer = "";
    let cookie = "";

    beforeAll(async () => {
      const made = await holdfast(
        admin().redis,
        ...["key", "create", "--label", "a viewer", "--scope", "read", "-o", "json"],
      );
      viewer = /hf_[0-9a-z]{12}_[A-Za-z0-9_-]+/.exec(made)?.[0] ?? "";
      expect(viewer).not.toBe("");
      const body = { id: DEAD, type: "demo.flaky", payload: { failRate: 1 }, maxRetries: 0 };
      const headers = { authorization: `Bearer ${admin().key}` };
      const sent = await request("POST", `${producerUrl()}${QUEUE}/tasks`, { headers, body });
      expect(sent.status).toBe(201);
      await until("the task is dead", 20_000, async () =>
        (await taskOf()).state === "dead" ? true : undefined,
      );
      // Every service knows a new key within a second.
      await until("the service knows the key", 10_000, async () => {
        const headers = { authorization: `Bearer ${viewer}` };
        const { status } = await ask("GET", LIST, headers);
        const producer = await request("GET", `${producerUrl()}${QUEUE}/tasks/${DEAD}`, { headers });
        return status === 200 && producer.status !== 401 ? true : undefined;
      });
      const session = await logIn(viewer);
      cookie = session.cookie;
      expect(session.set).toMatch(/^holdfast_session=[^;]+; .*HttpOnly.*SameSite=Strict/);
      expect(session.set).not.toContain(viewer.slice(-43));
      expect(session.body).toMatchObject({ authenticated: true, role: "viewer", scopes: ["read"] });
    }, 60_000);

    test("sees the dead letters but cannot replay them, neither with the key nor with the session", async () => {
      for (const headers of [{ authorization: `Bearer ${viewer}` }, { cookie, ...own() }]) {
        const list = await ask<{ tasks: { id: string }[] }>("GET", LIST, headers);
        expect(list.body.tasks.map(({ id }) => id)).toContain(DEAD);
        const forbidden = [
          ["POST", `${LIST}/replay`, REPLAY],
          ["POST", `${LIST}/replay`, { all: true }],
          ["POST", `${LIST}/discard`, REPLAY],
          ["POST", `${QUEUE}/pause`, {}],
          ["PATCH", QUEUE, { maxWaiting: 1 }],
          ["DELETE", `${QUEUE}?force=true`, undefined],
        ] as const;
        for (const [method, path, body] of forbidden)
          expect([path, (await ask(method, path, headers, body)).status]).toEqual([path, 403]);
      }
      const headers = { authorization: `Bearer ${viewer}` };
      const task = { type: "demo.echo", payload: 1 };
      const sent = await request("POST", `${producerUrl()}${QUEUE}/tasks`, { headers, body: task });
      expect(sent.status).toBe(403);
      await stillDead();
    });

    test("cannot replay by the live stream, which refuses callers without a key or session and pages of other sites", async () => {
      await expect(openSocket(streamUrl(), own())).rejects.toThrow("401");
      await expect(openSocket(streamUrl(), { cookie, origin: "http://evil.example" })).rejects.toThrow("403");
      for (const headers of [
        { authorization: `Bearer ${viewer}`, ...own() },
        { cookie, ...own() },
      ]) {
        const socket = await openSocket(streamUrl(), headers);
        const closed = new Promise((done) => socket.once("close", done));
        for (const kind of ["replay", "POST"])
          socket.send(JSON.stringify({ kind, type: kind, queue: "demo", ...REPLAY }));
        await stillDead();
        socket.close();
        await closed;
        await stillDead();
      }
    });

    test.skipIf(!executablePath)(
      "is asked for the key in a browser, and what a script does there with the session is refused",
      async () => {
        const page = await browserPage();
        await page.goto(`${observabilityUrl()}/queues/demo/dead-letters`);
        await page.getByRole("heading", { name: "Log in" }).waitFor();
        await page.getByLabel("API key").fill(viewer);
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByRole("link", { name: DEAD, exact: true }).waitFor();
        const body = JSON.stringify(REPLAY);
        const status = await page.evaluate(
          async ([path = "", body = ""]) => {
            const headers = { "content-type": "application/json" };
            return (await fetch(path, { method: "POST", headers, body })).status;
          },
          [`${LIST}/replay`, body],
        );
        expect(status).toBe(403);
        // After three more messages, or if it has closed the stream, the service has certainly read what the script
        // sent.
        await page.evaluate(`new Promise((done, fail) => {
          const socket = new WebSocket(${JSON.stringify(streamUrl())});
          let messages = 0;
          socket.onopen = () => socket.send(${JSON.stringify(JSON.stringify({ kind: "replay", ...REPLAY }))});
          socket.onmessage = () => ++messages > 2 && done();
          socket.onclose = () => (messages > 0 ? done() : fail(new Error("the stream was refused")));
        })`);
        await stillDead();
        await page.context().browser()?.close();
      },
      60_000,
    );

    test("an administrator's session replays the task that the viewer could not replay", async () => {
      const session = await logIn(admin().key);
      // A request with the cookie but from another origin must change nothing.
      const foreign = { cookie: session.cookie, origin: "http://evil.example" };
      expect((await ask("POST", `${LIST}/replay`, foreign, REPLAY)).status).toBe(403);
      await stillDead();
      const mended = { ...REPLAY, patch: { payloadText: '{"failRate":0}' } };
      const replayed = await ask("POST", `${LIST}/replay`, { cookie: session.cookie, ...own() }, mended);
      expect(replayed.status).toBe(200);
      await until("the task is completed", 20_000, async () =>
        (await taskOf()).state === "completed" ? true : undefined,
      );
      expect(await taskOf()).toMatchObject({ generation: 1 });
    });
  });
}

/** Opens a page in a new browser. The caller has to close the browser. */
export async function browserPage(): Promise<Page> {
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"];
  const browser = await chromium.launch({ executablePath: executablePath ?? "", args });
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

function openSocket(url: string, headers: Record<string, string>): Promise<WebSocket> {
  return new Promise((done, fail) => {
    const socket = new WebSocket(url, { headers });
    socket.once("open", () => done(socket));
    socket.once("error", fail);
    socket.once("unexpected-response", (_request, response) => fail(new Error(String(response.statusCode))));
  });
}

import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { until } from "@holdfast/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  byMiddleware,
  type Host,
  type StartHost,
  startExpress,
  startFastify,
} from "../../services/observability/test/hosts.ts";
import { die, executablePath, open, type Stack, startStack, violations } from "./support.ts";

const PATH = "/admin/queues";

/**
 * Starts a reverse proxy on its own port. It removes `/ops` from a path such as `/ops/…`, and passes everything else
 * to `target` unchanged.
 */
async function startProxy(target: string): Promise<Server> {
  const { hostname, port } = new URL(target);
  const pathOf = (url = "/") => url.replace(/^\/ops\//, "/");
  const proxy = createServer((received, response) => {
    const { method, headers } = received;
    const sent = request({ hostname, port, method, headers, path: pathOf(received.url) }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    sent.on("error", () => response.destroy());
    received.pipe(sent);
  });
  proxy.on("upgrade", ({ method, url, rawHeaders }, socket, head) => {
    const upstream = connect(Number(port), hostname, () => {
      const lines = [`${method} ${pathOf(url)} HTTP/1.1`];
      for (let at = 0; at < rawHeaders.length; at += 2)
        lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
      upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await new Promise((resolve) => proxy.once("listening", resolve));
  return proxy;
}

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe.skipIf(!executablePath)("the dashboard in an app", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    await stack.start("worker", { QUEUES: "fastify,express" });
  });
  afterAll(() => stack?.stop());

  describe.each<[string, StartHost]>([
    ["Fastify", startFastify],
    ["Express", startExpress],
  ])("of %s", (name, start) => {
    const queue = name.toLowerCase();
    let host: Host;
    let proxy: Server;
    beforeAll(async () => {
      host = await start({ path: PATH, redis: stack.redis.url, authorize: byMiddleware });
      proxy = await startProxy(host.base);
      await die(stack, queue, 3, { id: queue });
    });
    afterAll(async () => {
      await host?.stop();
      proxy?.closeAllConnections();
      proxy?.close();
    });

    test.each([
      [0, "below its path", () => host.base + PATH],
      [1, "behind a proxy that leaves the path", () => addressOf(proxy) + PATH],
      [2, "behind a proxy that removes a part of the path", () => `${addressOf(proxy)}/ops${PATH}`],
    ])("is live and replays a dead letter (%i) %s", async (number, _where, baseOf) => {
      const base = baseOf();
      const replayed = async () => (await stack.observer.stats(queue)).totals.replayed;
      const before = await replayed();
      const page = await stack.page();
      await page.context().addCookies([{ name: "who", value: "ada", url: base }]);
      const foreign: string[] = [];
      page.on("request", (sent) => {
        if (!sent.url().startsWith(`${base}/`) && sent.url() !== base) foreign.push(sent.url());
      });
      await page.goto(base);
      expect(page.url()).toBe(`${base}/`);
      await open(page, `${base}/queues/${queue}/dead-letters`);
      expect(await page.getByRole("button", { name: "Log out" }).count()).toBe(0);
      expect(await violations(page)).toEqual([]);
      const row = page.getByRole("row").filter({ hasText: `${queue}-${number}` });
      await row.getByRole("button", { name: "Replay" }).click();
      await until("the dead letter was replayed", async () => (await replayed()) === before + 1, 30_000);
      const { records } = (await (
        await fetch(`${host.base}${PATH}/v1/audit`, { headers: { cookie: "who=ada" } })
      ).json()) as { records: { action: string; actor: string }[] };
      expect(records[0]).toMatchObject({ action: "dead_letters.replay", actor: "ada" });
      expect(foreign).toEqual([]);
      await page.context().close();
    });

    test("shows a viewer the name and the role, and no way to change anything", async () => {
      const page = await stack.page();
      const base = host.base + PATH;
      await page.context().addCookies([{ name: "who", value: "vera", url: base }]);
      await open(page, `${base}/queues/${queue}`);
      await page.getByText("vera", { exact: true }).waitFor();
      expect(await page.getByRole("button", { name: "Pause", exact: true }).isEnabled()).toBe(false);
      await page.context().close();
    });

    test("tells a person whom the app has logged out", async () => {
      const page = await stack.page();
      const base = host.base + PATH;
      await page.context().addCookies([{ name: "who", value: "ada", url: base }]);
      await open(page, `${base}/queues/${queue}`);
      expect(stack.errors).toEqual([]);
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
      await page.getByText("log in to the app").first().waitFor();
      await page.context().close();
      // The browser reports each refused request as an error, and these refusals are expected.
      stack.errors.length = 0;
    });
  });
});

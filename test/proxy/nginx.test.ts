import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS } from "@holdfast/contracts";
import { addToKeyFile, mintKey } from "@holdfast/service/keys";
import { freePort, until } from "@holdfast/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { executablePath, open, type Stack, startStack } from "../browser/support.ts";

const NAME = "ops.example.com";
const hasNginx = spawnSync("nginx", ["-v"]).status === 0;
if (!hasNginx)
  console.warn("\n*** SKIPPED: nginx is not installed, so nothing was tested behind a proxy ***\n");

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

describe.skipIf(!hasNginx || !executablePath)("behind nginx", { timeout: 120_000 }, () => {
  let folder: string;
  let nginx: ChildProcess;
  let stack: Stack;
  let key: string;
  const ports = { tls: 0, other: 0, kept: 0, producer: 0, work: 0 };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-nginx-"));
    const minted = mintKey({ label: "ada", scopes: ["admin"], queues: undefined, expiresAt: null });
    key = minted.text;
    const keys = join(folder, "keys.json");
    await addToKeyFile(keys, minted.key);
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
    const shared = { API_KEYS_FILE: keys, ALLOWED_HOSTS: NAME, TRUSTED_PROXIES: "127.0.0.1" };
    stack = await startStack({ services: ["worker", "janitor"], env: shared });
    await stack.start("observability", {
      ...{ ...shared, BASE_PATH: "/kept/below", OBSERVABILITY_PORT: String(ports.kept) },
    });
    await stack.start("producer-api", { ...shared, PORT: String(ports.producer) });
    await stack.start("worker-api", { ...shared, WORKER_API_PORT: String(ports.work) });
    await stack.queue("reports.monthly").enqueue("demo.echo", 1, { id: "first.one" });
    for (const port of [ports.kept, ports.producer, ports.work])
      await until(
        `the service at ${port} is ready`,
        async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.ok === true,
        30_000,
      );
    nginx = await startNginx();
  });

  afterAll(async () => {
    nginx?.kill("SIGTERM");
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /**
   * Starts nginx with the configuration from the documentation, but with the ports and the certificate of the test. A
   * second server in the same nginx has another configuration.
   */
  async function startNginx(): Promise<ChildProcess> {
    const page = await readFile(join(import.meta.dirname, "../../docs/reverse-proxy.md"), "utf8");
    const documented = (/```nginx\n([\s\S]*?)```/.exec(page)?.[1] ?? "")
      .replace("listen 443 ssl", `listen 127.0.0.1:${ports.tls} ssl`)
      .replace(/ssl_certificate .*;/, "ssl_certificate c.pem;")
      .replace(/ssl_certificate_key .*;/, "ssl_certificate_key k.pem;")
      .replace("http://127.0.0.1:3001/", `${stack.base}/`)
      .replace("http://127.0.0.1:3000/", `http://127.0.0.1:${ports.producer}/`)
      .replace("http://127.0.0.1:3002/", `http://127.0.0.1:${ports.work}/`);
    const other = `server {
      listen 127.0.0.1:${ports.other} ssl; server_name ${NAME};
      ssl_certificate c.pem; ssl_certificate_key k.pem;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      location / { proxy_pass ${stack.base}; proxy_set_header Host $host; proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }
      location /kept/ { proxy_pass http://127.0.0.1:${ports.kept}; proxy_set_header Host $host;
        proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }
    }`;
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${name};`,
    );
    const root = process.getuid?.() === 0 ? "user root;" : "";
    await mkdir(join(folder, "logs"), { recursive: true });
    await writeFile(
      join(folder, "nginx.conf"),
      `${root} worker_processes 1; daemon off; pid nginx.pid; error_log stderr warn;
       events { worker_connections 256; }
       http { access_log off; ${paths.join(" ")}\n${documented}\n${other} }`,
    );
    const subject = ["-subj", `/CN=${NAME}`, "-days", "2"];
    const files = ["-keyout", join(folder, "k.pem"), "-out", join(folder, "c.pem")];
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      ...subject,
      ...files,
    ]);
    expect(made.status).toBe(0);
    const child = spawn("nginx", ["-p", `${folder}/`, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += String(chunk);
    });
    await until("nginx answers", async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
      return (await ask("GET", "/queues/readyz").catch(() => null))?.status === 200;
    });
    return child;
  }

  /** Sends a request over TLS and HTTP/2, with the host name of the configuration. */
  function ask(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const session = connect(`https://127.0.0.1:${ports.tls}`, {
        rejectUnauthorized: false,
        servername: NAME,
      });
      session.on("error", reject);
      const request = session.request({
        ...{ ":method": method, ":path": path, ":authority": `${NAME}:${ports.tls}`, ...headers },
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      });
      const answer: Answer = { status: 0, headers: {}, body: "" };
      request.on("response", (received) => {
        answer.status = received[":status"] ?? 0;
        answer.headers = received as Answer["headers"];
      });
      request.on("data", (chunk) => {
        answer.body += String(chunk);
      });
      request.on("error", reject);
      request.on("end", () => {
        session.close();
        resolve(answer);
      });
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  const bearer = () => ({ authorization: `Bearer ${key}` });

  test("an enqueue through the proxy returns an address at which the task is found", async () => {
    const task = { type: "demo.echo", payload: 1 };
    const made = await ask("POST", "/tasks/v1/queues/default/tasks", task, bearer());
    expect(made.status).toBe(201);
    const place = String(made.headers.location);
    expect(place).toMatch(/\/tasks\/v1\/queues\/default\/tasks\/\S+$/);
    const found = await ask(
      "GET",
      `${new URL(place, `https://${NAME}`).pathname}?waitMs=10000`,
      undefined,
      bearer(),
    );
    expect(JSON.parse(found.body)).toMatchObject({ state: "completed" });
    const key2 = { ...bearer(), "content-type": "application/x-ndjson" };
    const lines = await ask("POST", "/tasks/v1/queues/default/tasks/batch", undefined, key2);
    // The service itself refuses an empty body with 422. So this answer shows that the request has passed the proxy.
    expect(lines.status).toBe(422);
  });

  test("a long poll of a worker waits in the proxy as long as the service allows", async () => {
    const poll = ask(
      "POST",
      "/work/v1/queues/remote/work/acquire",
      { workerId: "w", requestId: 1, want: 1, waitMs: LIMITS.waitMs },
      bearer(),
    );
    await until("the worker waits", async () =>
      (await stack.observer.workers()).some(({ queues }) => queues.includes("remote")),
    );
    const { id } = await stack.queue("remote").enqueue("t", 1);
    const { status, body } = await poll;
    expect(status).toBe(200);
    expect(JSON.parse(body).tasks).toMatchObject([{ id }]);
    const page = await readFile(join(import.meta.dirname, "../../docs/reverse-proxy.md"), "utf8");
    const timeouts = [...page.matchAll(/proxy_read_timeout (\d+)s;/g)].map(([, seconds]) => Number(seconds));
    expect(timeouts).toHaveLength(3);
    for (const seconds of timeouts) expect(seconds * 1_000).toBeGreaterThan(LIMITS.waitMs);
  });

  test("the page and its files are below the path, and are compressed if the browser accepts that", async () => {
    const page = await ask("GET", "/queues/queues/reports.monthly/tasks");
    expect(page.body).toContain('<base href="../../">');
    const script = /src="\.\/(assets\/index-[^"]+\.js)"/.exec(page.body)?.[1];
    const sent = async (accept: string) => {
      const { status, headers, body } = await ask("GET", `/queues/${script}`, undefined, {
        "accept-encoding": accept,
      });
      return { status, encoding: headers["content-encoding"], vary: headers.vary, bytes: body.length };
    };
    const plain = await sent("identity");
    const small = await sent("gzip, br");
    expect(plain).toMatchObject({ status: 200, encoding: undefined });
    expect(small).toMatchObject({
      status: 200,
      encoding: "br",
      vary: expect.stringContaining("accept-encoding"),
    });
    expect((await sent("gzip")).encoding).toBe("gzip");
    expect(small.bytes).toBeLessThan(plain.bytes / 2);
    expect((await ask("GET", "/queues")).headers.location).toBe(`https://${NAME}:${ports.tls}/queues/`);
    expect((await ask("GET", "/queues/docs")).status).toBeLessThan(400);
  });

  test("a page of another origin is refused, and the error gives the name of the service", async () => {
    const logIn = (origin: string) => ask("POST", "/queues/v1/session", { key }, { origin });
    expect((await logIn(`https://${NAME}:${ports.tls}`)).status).toBe(200);
    for (const origin of [`https://${NAME}`, `https://${NAME}:1`, "https://evil.example", "null"]) {
      const refused = await logIn(origin);
      expect([origin, refused.status]).toEqual([origin, 403]);
      expect(JSON.parse(refused.body).detail).toContain(`${NAME}:${ports.tls}`);
    }
    const cookies = [(await logIn(`https://${NAME}:${ports.tls}`)).headers["set-cookie"] ?? []].flat();
    expect(cookies.some((cookie) => /^__Host-holdfast_session=\S+;.*Secure/i.test(cookie))).toBe(true);
  });

  test.each([
    ["below a path that the proxy removes", () => `https://localhost:${ports.tls}/queues`],
    ["with a Host header without the port, by X-Forwarded-Host", () => `https://localhost:${ports.other}`],
    [
      "below a path that the proxy keeps, by BASE_PATH and X-Forwarded-Port",
      () => `https://localhost:${ports.other}/kept/below`,
    ],
  ])("the dashboard works %s", async (_, baseOf) => {
    const base = baseOf();
    const page = await stack.page({ ignoreHTTPSErrors: true });
    const foreign: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(`${base}/`) && !request.url().startsWith("data:"))
        foreign.push(request.url());
    });
    await page.goto(`${base}/queues/reports.monthly/tasks`);
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByLabel("Connection: Live").waitFor();
    await page.getByRole("link", { name: "first.one" }).click();
    await page.getByRole("heading", { name: "first.one" }).waitFor();
    expect(page.url()).toBe(`${base}/queues/reports.monthly/tasks/first.one`);
    // Opens a screen by its address, and then a screen whose code is loaded on demand.
    await open(page, page.url());
    await page.getByRole("link", { name: "Schedules" }).click();
    await page.getByRole("heading", { name: "Schedules" }).first().waitFor();
    expect(page.url()).toBe(`${base}/schedules`);
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.goBack();
    await page.getByRole("heading", { name: "first.one" }).waitFor();
    // Makes a change, and then downloads a file.
    await page.goto(`${base}/queues/reports.monthly`);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await until("the queue is paused", async () => (await stack.observer.stats("reports.monthly")).paused);
    await stack.observer.resume("reports.monthly");
    await page.goto(`${base}/audit`);
    const href = await page.getByRole("link", { name: "Export NDJSON" }).getAttribute("href");
    expect(new URL(href ?? "", base).href).toContain(`${base}/v1/audit/export`);
    expect(foreign).toEqual([]);
    await page.context().close();
  });

  test("the live stream opens through TLS, but only for our own page", async () => {
    const stream = (origin: string) =>
      new Promise<number>((resolve) => {
        const socket = new WebSocket(`wss://127.0.0.1:${ports.tls}/queues/v1/stream`, {
          ...{ rejectUnauthorized: false, servername: NAME },
          headers: { host: `${NAME}:${ports.tls}`, origin, ...bearer() },
        });
        socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
        socket.on("error", () => resolve(0));
        socket.on("message", () => {
          socket.close();
          resolve(101);
        });
      });
    expect(await stream(`https://${NAME}:${ports.tls}`)).toBe(101);
    expect(await stream("https://evil.example")).toBe(403);
  });
});

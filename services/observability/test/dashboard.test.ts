import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { testApp } from "./fakes.ts";

let app: App;
let parent: string;
let folder: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "holdfast-dashboard-"));
  folder = join(parent, "dist");
  await mkdir(folder);
  await writeFile(join(parent, "secret.txt"), "not for you");
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><html><head><title>built</title>");
  await writeFile(join(folder, "assets", "index-abc123.js"), "export {};");
  await writeFile(join(folder, "favicon.svg"), "<svg/>");
  await mkdir(join(folder, ".vite"));
  await writeFile(join(folder, ".vite", "manifest.json"), "{}");
});
afterEach(async () => {
  await app.stop();
  await rm(parent, { recursive: true, force: true });
});

const get = (url: string) => app.server.inject({ url, headers: { host: "127.0.0.1" } });

test("browsers revalidate the page, cache hashed files for a year, and get the page for every screen", async () => {
  app = await testApp({ dashboardDir: folder });
  for (const url of ["/", "/queues/default", "/queues/a/tasks?state=dead", "/index.html"]) {
    const page = await get(url);
    expect([url, page.statusCode, page.headers["cache-control"]]).toEqual([url, 200, "no-cache"]);
    expect(page.headers["content-type"]).toContain("text/html");
    expect(page.body).toContain("built");
  }
  const script = await get("/assets/index-abc123.js");
  expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect(script.headers["content-type"]).toContain("javascript");
  expect((await get("/favicon.svg")).statusCode).toBe(200);
});

test.each([
  "/queues/reports.monthly",
  "/queues/reports.monthly/tasks?state=dead",
  "/queues/default/tasks/01ARZ3NDEKTSV4RRFFQ69G5FAV.17",
  "/queues/default/tasks/moved.g1.json",
  "/queues/default/tasks/index.html",
  "/queues/.hidden",
  "/queues/a.b/dead-letters",
  "/queues/%",
  "/queues/%ff/tasks?query=%",
  "/queues/%00",
  "//",
])("%s is a screen, even if no queue can have that name", async (url) => {
  app = await testApp({ dashboardDir: folder });
  const page = await get(url);
  expect([page.statusCode, page.headers["cache-control"]]).toEqual([200, "no-cache"]);
  expect(page.body).toContain("built");
});

test("a path that is too long for the name of a file is a screen", async () => {
  app = await testApp({ dashboardDir: folder });
  expect((await get(`/queues/${"x.".repeat(300)}`)).body).toContain("built");
});

test.each(["/../secret.txt", "/queues/%2e%2e/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"])(
  "%s gets no file from outside the folder",
  async (url) => {
    app = await testApp({ dashboardDir: folder });
    expect((await get(url)).body).not.toContain("not for you");
  },
);

test("the folder can be named with a slash at its end", async () => {
  app = await testApp({ dashboardDir: `${folder}/` });
  expect((await get("/favicon.svg")).body).toBe("<svg/>");
  expect((await get("/queues/a.b")).body).toContain("built");
});

test("no inline script is allowed, and the page cannot be framed", async () => {
  app = await testApp({ dashboardDir: folder });
  const policy = String((await get("/")).headers["content-security-policy"]);
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("upgrade-insecure-requests");
});

test.each([
  "/assets/gone-1.js",
  "/robots.txt",
  "/.vite/manifest.json",
  "/assets",
  "/v1/nothing",
  "/v1",
  "/metrics/x",
  "/%2e%2e/secret.txt",
  "/%2e%2e%2fsecret.txt",
])("%s is answered 404, and not with the page", async (url) => {
  app = await testApp({ dashboardDir: folder });
  const response = await get(url);
  expect(response.statusCode).toBe(404);
  expect(response.headers["content-type"]).toContain("application/problem+json");
  expect(response.headers["cache-control"] ?? "").not.toContain("immutable");
});

test.each([
  ["/", 200],
  ["/errors?kind=new", 200],
  ["/queues/a.js", 200],
  ["/queues/a.js/tasks/index.html", 200],
  ["/queues/assets/dead-letters", 200],
  ["/queues/v1/tasks/openapi.json", 200],
  ["/robots.txt", 404],
  ["/assets/gone-1.js", 404],
  ["/%2e%2e/secret.txt", 404],
])("a browser that opens %s gets the page, with status %i", async (url, status) => {
  app = await testApp({ dashboardDir: folder });
  const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  const page = await app.server.inject({ url, headers: { host: "127.0.0.1", accept } });
  expect([page.statusCode, page.headers["content-type"]]).toEqual([status, "text/html; charset=utf-8"]);
  expect(page.headers["cache-control"]).toBe("no-cache");
  expect(page.body).toContain("built");
});

test("without built files a page says how to build them", async () => {
  app = await testApp({ dashboardDir: join(folder, "nowhere") });
  const page = await get("/");
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain("pnpm run build");
  expect((await get("/assets/index-abc123.js")).statusCode).toBe(404);
});

test.each([
  ["/", "./"],
  ["/load", "./"],
  ["/queues/a.b?x=/y/z", "../"],
  ["/queues/a/tasks/b", "../../../"],
  ["/queues/a/", "../../"],
])("the page at %s says that the service is at %s", async (url, base) => {
  app = await testApp({ dashboardDir: folder });
  expect((await get(url)).body).toContain(`<head><base href="${base}">`);
});

test("with BASE_PATH everything is served below that path, and also at the root for health checks", async () => {
  app = await testApp({ dashboardDir: folder, basePath: "/ops/queues" });
  const base = await app.server.listen({ host: "127.0.0.1", port: 0 });
  const at = async (path: string) => {
    const response = await fetch(`${base}${path}`, { redirect: "manual" });
    return [response.status, response.headers.get("location"), (await response.text()).slice(0, 60)];
  };
  expect(await at("/ops/queues")).toEqual([308, "queues/", ""]);
  expect((await at("/ops/queues/"))[2]).toContain('<base href="./">');
  expect((await at("/ops/queues/queues/a"))[2]).toContain('<base href="../">');
  expect((await at("/ops/queues/assets/index-abc123.js"))[0]).toBe(200);
  expect((await at("/ops/queues/v1/queues"))[0]).toBe(200);
  expect((await at("/livez"))[0]).toBe(200);
});

test("browsers that accept compression get the compressed file beside the built one", async () => {
  app = await testApp({ dashboardDir: folder });
  const script = join(folder, "assets", "index-abc123.js");
  await writeFile(`${script}.br`, "br");
  await writeFile(`${script}.gz`, "gz");
  const sent = async (accept?: string) => {
    const headers = { host: "127.0.0.1", ...(accept === undefined ? {} : { "accept-encoding": accept }) };
    const response = await app.server.inject({ url: "/assets/index-abc123.js", headers });
    expect(response.headers["content-type"]).toContain("javascript");
    expect(response.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    return [response.body, response.headers["content-encoding"]];
  };
  expect(await sent("gzip, deflate, br")).toEqual(["br", "br"]);
  expect(await sent("gzip")).toEqual(["gz", "gzip"]);
  expect(await sent("identity")).toEqual(["export {};", undefined]);
  expect(await sent()).toEqual(["export {};", undefined]);
});

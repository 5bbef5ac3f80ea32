import { existsSync } from "node:fs";
import { join, relative, sep } from "node:path";
import fastifyStatic from "@fastify/static";
import type { HttpServer } from "@holdfast/service";

/** What belongs to the API: a wrong path there is a 404, not the dashboard. */
const API_PATH = /^\/(v1|docs|metrics|livez|readyz|openapi\.json)(\/|$)/;
/** Vite puts a hash of the content into the names below this folder. */
const HASHED_FOLDER = "assets";

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Holdfast</title></head>
<body><h1>Holdfast</h1>
<p>The dashboard is not built yet. Run <code>pnpm install</code> and <code>pnpm run build</code> in the root of the
repository, then load this page again. <code>DASHBOARD_DIR</code> names the folder of the built files.</p>
<p>The API works without it: <a href="/docs">API documentation</a>, <a href="/v1/queues">queues</a>.</p>
</body></html>
`;

/** Content-Security-Policy of all pages: no inline script, nothing from elsewhere. */
export const CONTENT_SECURITY_POLICY: Record<string, string[]> = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  scriptSrcAttr: ["'none'"],
  // Charts and the API documentation set style attributes.
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  fontSrc: ["'self'", "data:"],
  connectSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
};

/** The built dashboard. Paths without a file are screens of it and get the page. */
export async function dashboardRoutes(app: HttpServer, { directory }: { directory: string }): Promise<void> {
  const serves = existsSync(directory);
  if (serves) {
    await app.register(fastifyStatic, {
      root: directory,
      serve: false,
      cacheControl: false,
      index: false,
      dotfiles: "ignore",
      // Called for files that exist only: a kept 404 would outlive the build that adds the file.
      setHeaders: (reply, path) => void reply.header("cache-control", cacheControl(directory, path)),
    });
  }
  app.get("/*", { schema: { hide: true }, config: { scope: "public" } }, (request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "/";
    if (API_PATH.test(path)) {
      reply.callNotFound();
      return reply;
    }
    if (/\.[^/]*$/.test(path) && path !== "/index.html") {
      if (!serves) {
        reply.callNotFound();
        return reply;
      }
      return reply.sendFile(path.slice(1));
    }
    // Looked up per request, so that a build is seen without a restart.
    if (!serves || !existsSync(join(directory, "index.html"))) {
      return reply.header("cache-control", "no-cache").type("text/html; charset=utf-8").send(NOT_BUILT);
    }
    return reply.sendFile("index.html");
  });
}

function cacheControl(directory: string, path: string): string {
  const file = relative(directory, path);
  // The page names the hashed files of its build: kept, it would ask for files that are gone.
  if (file === "index.html") return "no-cache";
  return file.startsWith(HASHED_FOLDER + sep)
    ? "public, max-age=31536000, immutable"
    : "public, max-age=3600";
}

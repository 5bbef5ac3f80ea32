import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import fastifyStatic from "@fastify/static";
import type { HttpServer } from "@holdfast/service";

/**
 * Paths of the API. A wrong path that begins like one of these is answered 404, and not with the page of the
 * dashboard.
 */
const API_PATH = /^\/(v1|docs|metrics|livez|readyz|openapi\.json)(\/|$)/;
/** The folder whose file names contain a hash of the content. Vite writes it. */
const HASHED_FOLDER = "assets";

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Holdfast</title></head>
<body><h1>Holdfast</h1>
<p>The dashboard is not built yet. Run <code>pnpm install</code> and <code>pnpm run build</code> in the root of the
repository, then load this page again. <code>DASHBOARD_DIR</code> names the folder of the built files.</p>
<p>The API works without it: <a href="docs">API documentation</a>, <a href="v1/queues">queues</a>.</p>
</body></html>
`;

/** Content-Security-Policy of all pages. It allows no inline script and nothing from other hosts. */
export const CONTENT_SECURITY_POLICY: Record<string, string[]> = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  scriptSrcAttr: ["'none'"],
  // Charts and the API documentation set style attributes, which only 'unsafe-inline' allows.
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  fontSrc: ["'self'", "data:"],
  connectSrc: ["'self'"],
  objectSrc: ["'none'"],
  // `pageAt` puts a `<base>` element into the page.
  baseUri: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
};

/**
 * Serves the built dashboard. The path of a built file gets that file. Any other path is a screen and gets the page,
 * even if it has a dot, since names of queues and tasks may have dots. Only a request for a missing file is refused.
 */
export async function dashboardRoutes(app: HttpServer, options: { directory: string }): Promise<void> {
  const directory = resolve(options.directory);
  const serves = existsSync(directory);
  if (serves) {
    await app.register(fastifyStatic, {
      root: directory,
      serve: false,
      cacheControl: false,
      index: false,
      // The build writes a compressed copy next to each file.
      preCompressed: true,
      dotfiles: "ignore",
      // This runs only for files that exist, so 404 answers are not cached. A cached 404 would hide a file that a later
      // build adds.
      setHeaders: (reply, path) => void reply.header("cache-control", cacheControl(directory, path)),
    });
  }
  app.get("/*", { schema: { hide: true }, config: { scope: "public" } }, (request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "/";
    if (API_PATH.test(path)) {
      reply.callNotFound();
      return reply;
    }
    const name = fileName(path);
    if (serves && name !== "index.html" && isFile(directory, name)) return reply.sendFile(path.slice(1));
    const status = isScreen(name) ? 200 : 404;
    // A browser that opens a wrong address gets the page, which says so. A request for a missing file gets a plain 404.
    if (status === 404 && request.headers.accept?.includes("text/html") !== true) {
      reply.callNotFound();
      return reply;
    }
    // The page names the hashed files of one build. After the next build, a cached page would ask for files that no
    // longer exist.
    reply.code(status).header("cache-control", "no-cache").type("text/html; charset=utf-8");
    return reply.send(pageAt(path, (serves && readPage(directory)) || NOT_BUILT));
  });
}

/** Reads the page for each request, so that a new build needs no restart. Returns null if there is no page. */
function readPage(directory: string): string | null {
  try {
    return readFileSync(join(directory, "index.html"), "utf8");
  } catch {
    return null;
  }
}

/**
 * Returns the page for a path. The page names its files relative to the root of this service, so `<base>` has as many
 * `../` as the path is deep. This also works behind a reverse proxy that removes a prefix from the path.
 */
function pageAt(path: string, page: string): string {
  const steps = path.split("/").length - 2;
  return page.replace("<head>", `<head><base href="${"../".repeat(steps) || "./"}">`);
}

/** Returns the name of the file that this URL path would have, or "" if the path cannot be decoded. */
function fileName(path: string): string {
  try {
    return decodeURIComponent(path).slice(1);
  } catch {
    return "";
  }
}

/** Looks the file up for each request, so that a new build needs no restart. */
function isFile(directory: string, name: string): boolean {
  const file = resolve(directory, name);
  if (!file.startsWith(directory + sep)) return false;
  try {
    return statSync(file).isFile();
  } catch {
    // The file does not exist, or its name is not allowed.
    return false;
  }
}

/**
 * Whether the path belongs to a screen. The path of a screen begins with a known word, and is never in the folder of
 * hashed files.
 */
function isScreen(name: string): boolean {
  const [first = ""] = name.split("/", 1);
  return name === "index.html" || (!first.includes(".") && first !== HASHED_FOLDER);
}

function cacheControl(directory: string, path: string): string {
  const file = relative(directory, path);
  return file.startsWith(HASHED_FOLDER + sep)
    ? "public, max-age=31536000, immutable"
    : "public, max-age=3600";
}

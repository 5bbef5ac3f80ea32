/**
 * The address of the service, with a slash at its end: below a path where a reverse proxy serves it there. The page says
 * it by its <base>; without one, as in development and in tests, it is the root of the origin.
 */
export function serviceUrl(page: Pick<Document, "querySelector" | "baseURI">, origin: string): string {
  return page.querySelector("base") === null ? `${origin}/` : new URL(".", page.baseURI).href;
}

// Read once: the address of the page changes with every screen.
const url = typeof document === "undefined" ? "" : serviceUrl(document, location.origin);

/** As `http://host/queues`, without a slash at its end. */
export const SERVICE_URL = url.replace(/\/$/, "");

/** As `/queues`, or "" at the root. */
export const BASE_PATH = url === "" ? "" : new URL(url).pathname.replace(/\/$/, "");

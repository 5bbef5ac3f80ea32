/**
 * The address of the service, with a slash at its end. It has a path if a reverse proxy serves it below one. It comes
 * from the page's <base>; without one, as in development and in tests, it is the root of the origin.
 */
export function serviceUrl(page: Pick<Document, "querySelector" | "baseURI">, origin: string): string {
  return page.querySelector("base") === null ? `${origin}/` : new URL(".", page.baseURI).href;
}

// Read once, because the address of the page changes with every screen.
const url = typeof document === "undefined" ? "" : serviceUrl(document, location.origin);

/** Like `http://host/queues`, without a slash at its end. */
export const SERVICE_URL = url.replace(/\/$/, "");

/** Like `/queues`, or "" at the root. */
export const BASE_PATH = url === "" ? "" : new URL(url).pathname.replace(/\/$/, "");

/**
 * Returns the address of the service, with a slash at its end. The <base> of the page has this address, with the path
 * that a reverse proxy adds. Without a <base>, as in development and in tests, the service is at the root of its
 * origin.
 */
export function serviceUrl(page: Pick<Document, "querySelector" | "baseURI">, origin: string): string {
  return page.querySelector("base") === null ? `${origin}/` : new URL(".", page.baseURI).href;
}

// The address is read only once, because the address of the page changes with every screen.
const url = typeof document === "undefined" ? "" : serviceUrl(document, location.origin);

/** The address of the service without a slash at its end, such as `http://host/queues`. */
export const SERVICE_URL = url.replace(/\/$/, "");

/** The path of the service, such as `/queues`; "" at the root. */
export const BASE_PATH = url === "" ? "" : new URL(url).pathname.replace(/\/$/, "");

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { cutPathInFront } from "@holdfast/service";

/** Returns the path of the dashboard of another Redis, relative to that of the service. */
export const pathOf = (name: string) => `redis/${name}/`;

export interface HandOverOptions {
  /** The servers of the other Redis dashboards, by name. They do not listen on a port. */
  parts: ReadonlyMap<string, Server>;
  /**
   * BASE_PATH of the service; "" if there is none. A reverse proxy may or may not remove it from the path of a
   * request.
   */
  basePath: string;
  /** Whether the first server refuses all requests of a connection, because its address has too many. */
  isRefused(socket: Socket): boolean;
}

/**
 * Passes the requests below `/redis/<name>/` to the server of that Redis. That server sees them as if they had come
 * to its own root, so its page, links and routes need no setting. Call this after the first server has all its
 * listeners.
 */
export function handOver(first: Server, { parts, basePath, isRefused }: HandOverOptions): void {
  for (const event of ["request", "upgrade"] as const) {
    const own = first.listeners(event) as ((...args: unknown[]) => void)[];
    first.removeAllListeners(event);
    first.on(event, (request: IncomingMessage, ...rest: unknown[]) => {
      const { url = "" } = request;
      const base = basePath !== "" && url.startsWith(`${basePath}/`) ? basePath : "";
      const [, name = "", path = ""] = /^\/redis\/([^/?]+)(.*)$/s.exec(url.slice(base.length)) ?? [];
      const part = parts.get(name);
      if (part === undefined || isRefused(request.socket)) {
        for (const listener of own) listener.call(first, request, ...rest);
      } else if (path.startsWith("/") || event === "upgrade") {
        const response = event === "request" ? (rest[0] as ServerResponse) : undefined;
        cutPathInFront(`${base}/redis/${name}`, request, response);
        part.emit(event, request, ...rest);
      } else {
        // Without the slash at the end, a browser would resolve the relative addresses of the page in the parent folder.
        (rest[0] as ServerResponse).writeHead(308, { location: `${name}/${path}` }).end();
      }
    });
  }
}

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";

/**
 * A proxy or another server may add a path in front of the paths of this server. Cuts that path off, and puts it in
 * front of the `Location` of the answer. So no route needs to know about that path.
 * @param path the path in front, such as `/queues`, with which the URL begins
 */
export function cutPathInFront(path: string, request: IncomingMessage, response?: ServerResponse): void {
  request.url = request.url?.slice(path.length);
  if (response === undefined) return;
  const { writeHead } = response;
  response.writeHead = (status: number, ...rest: unknown[]) => {
    putInFront(path, rest.at(-1));
    return writeHead.call(response, status, ...(rest as [OutgoingHttpHeaders]));
  };
}

/** Changes `Location` in the headers of an answer: an object, or a flat list of names and values. */
function putInFront(path: string, headers: unknown): void {
  if (Array.isArray(headers)) {
    for (let at = 0; at < headers.length; at += 2)
      if (headers[at] === "location") headers[at + 1] = below(path, headers[at + 1]);
  } else if (typeof headers === "object" && headers !== null && "location" in headers) {
    headers.location = below(path, headers.location);
  }
}

/** An address relative to that of the request, such as that of a redirect to a folder, is right without the path. */
const below = (path: string, location: unknown) =>
  typeof location === "string" && location.startsWith("/") ? path + location : location;

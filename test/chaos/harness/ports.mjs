import { once } from "node:events";
import { createServer } from "node:net";

const given = new Set();

/**
 * Returns a free port that this run has not used before. The port 10,000 above it is free too, because a node of a
 * Cluster also listens there. Both are below 32,768, because Linux uses higher ports for outgoing connections.
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 12_000);
    if ([port - 10_000, port, port + 10_000].some((other) => given.has(other))) continue;
    const server = createServer();
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    given.add(port);
    return port;
  }
}

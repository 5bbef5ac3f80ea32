import { once } from "node:events";
import { createServer } from "node:net";

const given = new Set();

/**
 * A port that was free a moment ago and was given to nobody else here. A Cluster adds 10,000 for its bus: both are below
 * 32,768, where Linux takes the ports of outgoing connections from, which would be in the way now and then.
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

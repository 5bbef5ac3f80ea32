import { once } from "node:events";
import { createServer } from "node:net";

const given = new Set();

/** A port that was free a moment ago and was given to nobody else here. Below 50,000: a Cluster adds 10,000. */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (given.has(port) || given.has(port - 10_000)) continue;
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

import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Starts a proxy to Redis that can simulate faults. The mode `pass` has no fault. `delay` holds each reply back for
 * `delayMs`. `hole` accepts data and answers nothing. `refuse` accepts no connection.
 */
export async function startProxy(targetPort) {
  const pairs = new Set();
  const state = {
    mode: "pass",
    delayMs: 0,
    swallow: undefined,
    dropping: undefined,
    swallowed: 0,
    dropped: 0,
  };
  const server = createServer((client) => {
    if (state.mode === "refuse") {
      client.destroy();
      return;
    }
    const redis = connect(targetPort, "127.0.0.1");
    const pair = { client, redis, doomed: false };
    pairs.add(pair);
    for (const socket of [client, redis]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        client.destroy();
        redis.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (state.mode === "hole") return;
      if (state.swallow?.(chunk)) {
        state.swallow = undefined;
        pair.doomed = true;
      }
      redis.write(chunk);
    });
    redis.on("data", (chunk) => {
      if (state.mode === "hole") return;
      if (pair.doomed) {
        // Redis has answered, so it has run the command. The proxy drops the answer, so the client never sees it.
        state.swallowed++;
        client.destroy();
      } else if (state.dropping?.(chunk)) {
        state.dropped++;
      } else if (state.mode === "delay") setTimeout(() => client.write(chunk), state.delayMs);
      else client.write(chunk);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    state,
    set(mode, more = {}) {
      Object.assign(state, { mode, ...more });
    },
    /** Sends the next chunk that `matches` accepts to Redis, but drops the reply and closes the connection. */
    swallowNext(matches) {
      state.swallow = matches;
    },
    /** Ends the proxy's sending side of each client connection. The client can still send. */
    halfClose() {
      for (const { client } of pairs) client.end();
    },
    cut() {
      for (const { client, redis } of pairs) {
        client.destroy();
        redis.destroy();
      }
    },
    async stop() {
      this.cut();
      server.close();
      await once(server, "close");
    },
  };
}

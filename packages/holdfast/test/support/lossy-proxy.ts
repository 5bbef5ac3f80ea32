import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * Starts a proxy to Redis that can lose a reply: Redis runs the command, and then the connection breaks without an
 * answer.
 */
export async function startLossyProxy(redisPort: number) {
  const sockets = new Set<Socket>();
  const proxy = { port: 0, lost: 0, stop };
  let losing: string | undefined;
  const server = createServer((client) => {
    const redis = connect(redisPort, "127.0.0.1");
    let swallow = false;
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (losing !== undefined && chunk.includes(losing)) {
        losing = undefined;
        swallow = true;
      }
      redis.write(chunk);
    });
    redis.on("data", (chunk) => {
      if (!swallow) {
        client.write(chunk);
        return;
      }
      // This is the answer of Redis, so the command has run.
      proxy.lost++;
      client.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy.port = (server.address() as AddressInfo).port;
  async function stop() {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
  return {
    ...proxy,
    get lost() {
      return proxy.lost;
    },
    /** Loses the reply of the next command that contains this text. */
    loseReplyTo(text: string) {
      losing = text;
    },
  };
}

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/**
 * Starts a server that answers INFO like a Redis of some version, and every other command with OK. That is enough for
 * the checks of a connecting client.
 */
export async function startFakeRedis(info: Record<string, string>) {
  const text = Object.entries({ loading: "0", role: "master", ...info })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join("");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const [, word = ""] of String(chunk).matchAll(/\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n/g)) {
        const command = word.toLowerCase();
        if (command === "info") socket.write(`$${Buffer.byteLength(text)}\r\n${text}\r\n`);
        else if (command === "time") socket.write("*2\r\n$10\r\n1800000000\r\n$1\r\n0\r\n");
        else socket.write(command === "hello" ? "-ERR unknown command 'HELLO'\r\n" : "+OK\r\n");
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

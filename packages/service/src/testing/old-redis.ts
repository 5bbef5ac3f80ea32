import { type AddressInfo, createServer, type Socket } from "node:net";

/**
 * Answers INFO like a Redis of the given version and everything else with OK: enough for the boot checks, which
 * a server of that age would meet.
 */
export async function startOldRedis(version: string): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const info = `# Server\r\nredis_version:${version}\r\nloading:0\r\nmaxmemory_policy:noeviction\r\nrole:master\r\n`;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const [, command] of String(chunk).matchAll(/\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n/g)) {
        socket.write(replyTo(command?.toLowerCase() ?? "", info));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function replyTo(command: string, info: string): string {
  if (command === "info") return `$${Buffer.byteLength(info)}\r\n${info}\r\n`;
  if (command === "time") return "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n";
  return command === "hello" ? "-ERR unknown command 'HELLO'\r\n" : "+OK\r\n";
}

import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { holdsPort, listeningInodes, portHolder, portInUseMessage } from "./ports.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100
   1: 0100007F:0BB8 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 100
`;

test("only sockets that listen on the port count, and connections do not", () => {
  expect(listeningInodes(TABLE, 3_000)).toEqual(["4711"]);
  expect(listeningInodes(TABLE, 3_001)).toEqual([]);
});

test("the message for a port of this process names the process and the variable to change", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const message = await portInUseMessage(port, "PORT");
  expect(message).toContain(`(pid ${process.pid})`);
  expect(message).toContain("set PORT to a free port");
  await new Promise((resolve) => server.close(resolve));
  expect(await portHolder(port)).toBeNull();
});

test("a process holds the ports that it listens on, and no others", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  expect(await holdsPort(process.pid, port)).toBe(true);
  expect(await holdsPort(process.ppid, port)).toBe(false);
  expect(await holdsPort(2 ** 30, port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await holdsPort(process.pid, port)).toBe(false);
});

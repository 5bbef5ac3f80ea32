import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { UsageError } from "../exit.ts";

/** Returns the preferred port if it is free, otherwise another one. */
export async function freePort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) || (await tryPort(0));
}

/** @throws UsageError if the port is taken */
export async function givenPort(port: number, option: string): Promise<number> {
  if ((await tryPort(port)) === 0)
    throw new UsageError(`port ${port} is taken: choose another one with ${option}`);
  return port;
}

/** Returns the port, or for 0 any free one. Returns 0 if the port is taken. */
async function tryPort(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return 0;
  }
  const { port: found } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return found;
}

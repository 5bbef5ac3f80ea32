import { parentPort } from "node:worker_threads";
import { asHoldfastError } from "@holdfast/contracts";
import { Connection } from "../redis/connection.ts";
import { HeartbeatMember } from "./heartbeat-member.ts";
import type { FromThread, ToThread } from "./heartbeat-messages.ts";

/**
 * The heartbeat thread: nothing that a handler could block, and connections of its own. It beats for all workers of the
 * process; those with the same settings share a connection.
 */
const members = new Map<number, { member: HeartbeatMember; key: string }>();
const connections = new Map<string, { connection: Connection; users: number }>();

const post = (message: FromThread) => parentPort?.postMessage(message);

function add({ member: number, data }: Extract<ToThread, { kind: "add" }>): void {
  const key = JSON.stringify(data.redis);
  const shared = connections.get(key) ?? {
    connection: new Connection(data.redis, { name: "holdfast-heartbeat" }),
    users: 0,
  };
  connections.set(key, shared);
  shared.users++;
  const member = new HeartbeatMember(data, shared.connection, (message) =>
    post({ kind: "about", member: number, message }),
  );
  members.set(number, { member, key });
  void member.begin();
}

async function remove(number: number): Promise<void> {
  const known = members.get(number);
  if (!known) return;
  members.delete(number);
  await known.member.end();
  const shared = connections.get(known.key);
  if (shared && --shared.users === 0) {
    connections.delete(known.key);
    await shared.connection.close();
  }
  post({ kind: "about", member: number, message: { kind: "removed" } });
}

parentPort?.on("message", (message: ToThread) => {
  if (message.kind === "add") {
    try {
      add(message);
    } catch (error) {
      // The others go on.
      const { message: text } = asHoldfastError(error);
      post({ kind: "about", member: message.member, message: { kind: "failed", message: text } });
    }
  } else void remove(message.member);
});
post({ kind: "up" });

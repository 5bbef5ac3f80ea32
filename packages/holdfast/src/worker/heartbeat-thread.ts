import { parentPort } from "node:worker_threads";
import { asHoldfastError } from "@holdfast/contracts";
import { HeartbeatMember } from "./heartbeat-member.ts";
import type { FromThread, ToThread } from "./heartbeat-messages.ts";

/**
 * The code of the heartbeat thread, which renews the leases of all workers of the process. It has its own connections
 * and runs no handlers, so a handler that blocks the event loop cannot stop it.
 */
const members = new Map<number, HeartbeatMember>();

const post = (message: FromThread) => parentPort?.postMessage(message);

function add({ member: number, data }: Extract<ToThread, { kind: "add" }>): void {
  const member = new HeartbeatMember(data, (message) => post({ kind: "about", member: number, message }));
  members.set(number, member);
  void member.begin();
}

async function remove(number: number): Promise<void> {
  const member = members.get(number);
  if (!member) return;
  members.delete(number);
  await member.end();
  post({ kind: "about", member: number, message: { kind: "removed" } });
}

parentPort?.on("message", (message: ToThread) => {
  if (message.kind === "add") {
    try {
      add(message);
    } catch (error) {
      // An error of one worker is reported to that worker, and the thread continues for the others.
      const { message: text } = asHoldfastError(error);
      post({ kind: "about", member: message.member, message: { kind: "failed", message: text } });
    }
  } else if (message.kind === "parts") members.get(message.member)?.setParts(message.parts, message.queues);
  else void remove(message.member);
});
post({ kind: "up" });

import type { FastifyReply } from "fastify";
import type { RemoteGrants, RemoteTask } from "holdfast/remote";

/** Sends an answer with tasks. The payloads are inserted as the same bytes that their producers sent. */
export function sendAnswer(reply: FastifyReply, { tasks, ...rest }: RemoteGrants): FastifyReply {
  const text = `{"tasks":[${tasks.map(taskText).join(",")}],${JSON.stringify(rest).slice(1)}`;
  return reply.type("application/json; charset=utf-8").send(text);
}

function taskText({ payloadText, ...task }: RemoteTask): string {
  return `${JSON.stringify(task).slice(0, -1)},"payload":${payloadText}}`;
}

import { SignalBody, SignalReply } from "@holdfast/contracts/api";
import { HoldfastError } from "holdfast";
import { Type } from "typebox";
import type { HttpServer } from "../http/types.ts";
import type { Intake } from "./intake.ts";
import { problemSchema, taskParams } from "./schema.ts";

/** Adds the route that sends a signal to a task. */
export function signalRoute(app: HttpServer, intake: Intake): void {
  app.post(
    "/v1/queues/:queue/tasks/:id/signal",
    {
      config: { scope: "enqueue" },
      schema: {
        tags: ["tasks"],
        summary: "Give a task a signal",
        description:
          "The handler of the task gets the signal from `ctx.waitFor(event)`, even if the handler waits later. 409: the task has ended. Requests with the same Idempotency-Key give one signal, for an hour; without the header a request that is sent twice gives two.",
        params: taskParams,
        headers: Type.Object({
          "idempotency-key": Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
        }),
        body: SignalBody,
        response: { 200: SignalReply, default: problemSchema },
      },
    },
    async (request) => {
      const { queue: name, id } = request.params;
      const { event, data } = request.body;
      const outcome = await intake.open(name).signal(id, event, data, request.headers["idempotency-key"]);
      if (outcome === "ended")
        throw new HoldfastError("too_late", `task ${id} has already ended, so it gets no signal`, {
          taskId: id,
        });
      if (outcome === "not_found")
        throw new HoldfastError("task_not_found", `queue ${name} has no task ${id} (or it was purged)`);
      return { id, outcome };
    },
  );
}

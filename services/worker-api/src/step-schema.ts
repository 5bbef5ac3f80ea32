import { LIMITS, TASK_TYPE_PATTERN } from "@holdfast/contracts";
import { taskOptionsSchema } from "@holdfast/service";
import { Type } from "typebox";
import { of } from "./schema.ts";

const strict = { additionalProperties: false };
const place = Type.Integer({
  minimum: 1,
  maximum: LIMITS.steps,
  description: "The place of the step: one more than the number of steps so far.",
});
const name = Type.String({ minLength: 1, maxLength: 140 });
const named = { ...of, place, name };
const event = Type.String({ minLength: 1, maxLength: 128, pattern: "^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$" });
const delayMs = Type.Integer({ minimum: 0, maximum: LIMITS.delayMs });

const {
  id: _id,
  type: _type,
  ifEnded: _ifEnded,
  unique: _unique,
  durability: _durability,
  replicas: _replicas,
  partitionKey: _partitionKey,
  ...calledOptions
} = taskOptionsSchema.properties;

/** The bodies of the routes for steps, by the last part of their path. */
export const bodies = {
  read: Type.Object(of, strict),
  result: Type.Object({ ...of, place }, strict),
  write: Type.Object(
    {
      ...named,
      result: Type.Optional(Type.Unknown({ description: "Any JSON, at most 262,144 bytes." })),
      resultText: Type.Optional(Type.String({ description: "The result as JSON text, kept byte for byte." })),
    },
    strict,
  ),
  sleep: Type.Object({ ...named, ms: delayMs }, strict),
  wait: Type.Object(
    {
      ...named,
      events: Type.Array(event, { minItems: 1, maxItems: LIMITS.waitedEvents }),
      timeoutMs: Type.Optional(
        Type.Integer({ minimum: 0, maximum: LIMITS.delayMs, default: LIMITS.delayMs }),
      ),
    },
    strict,
  ),
  call: Type.Object(
    {
      ...named,
      type: Type.String({ pattern: TASK_TYPE_PATTERN }),
      payload: Type.Optional(
        Type.Unknown({ description: `Any JSON, at most ${LIMITS.payloadBytes} bytes.` }),
      ),
      payloadText: Type.Optional(
        Type.String({ description: "The payload as JSON text, kept byte for byte." }),
      ),
      options: Type.Optional(Type.Object(calledOptions, strict)),
    },
    strict,
  ),
  children: Type.Object(
    {
      ...of,
      after: Type.Optional(
        Type.Integer({ minimum: 0, default: 0, description: "The field next of the previous page." }),
      ),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 100 })),
    },
    strict,
  ),
};

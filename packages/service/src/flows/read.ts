import type { HoldfastError } from "@holdfast/contracts";
import { FlowReader } from "@holdfast/contracts/flow-json";
import type { CutTask } from "@holdfast/contracts/task-json";
import { Compile } from "typebox/compile";
import { RequestError } from "../http/problem.ts";
import { errorsIn, LINE_LIMIT_BYTES, refuse } from "../tasks/read.ts";
import {
  type CallbackJson,
  callbackFieldsSchema,
  type FlowJson,
  flowFieldsSchema,
  type NodeJson,
  nodeFieldsSchema,
} from "./schema.ts";

const callbackFields = Compile(callbackFieldsSchema);
const nodeFields = Compile(nodeFieldsSchema);
const flowFields = Compile(flowFieldsSchema);

/** Reads the flows and nodes of a body. */
export const flowReader = new FlowReader(
  {
    head(fields) {
      refuse(errorsIn(flowFields, { fields, hasPayload: true }));
      return fields as FlowJson;
    },
    node(task: CutTask) {
      refuse(errorsIn(nodeFields, task));
      const { type, name, after, onDead, queue, ...options } = task.fields as NodeJson;
      return { type, options: { name, after, onDead, queue, options } };
    },
    callback(task: CutTask) {
      refuse(errorsIn(callbackFields, task));
      const { type, queue, ...options } = task.fields as CallbackJson;
      return { type, options: { queue, options } };
    },
  },
  located,
  LINE_LIMIT_BYTES,
);

/** Returns the error with the place of the node or callback in the body. */
function located(error: HoldfastError, place: string): HoldfastError {
  // The sender lost access while the body was arriving. That error does not concern one node, so it gets no place.
  if (error.code === "unauthorized" || error.code === "forbidden") return error;
  const isListed = error instanceof RequestError && error.errors.length > 0;
  const errors = isListed
    ? error.errors.map((each) => ({ ...each, path: place + each.path }))
    : [
        {
          path: `${place}${error.field === undefined ? "" : `/${error.field}`}`,
          message: error.message,
          in: "body",
        },
      ];
  const [first] = errors;
  return new RequestError(error.code, `body${first?.path}${isListed ? "" : ":"} ${first?.message}`, errors);
}

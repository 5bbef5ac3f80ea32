import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { isQueueName } from "@holdfast/contracts";
import { ANONYMOUS, type Identity, ROLES, type Role } from "@holdfast/contracts/api";
import { HoldfastError } from "holdfast";
import { isName, personOf } from "../identity/proxy.ts";

/** The request of the app: a `FastifyRequest`, or the `Request` of Express. */
export interface DashboardRequest {
  headers: IncomingHttpHeaders;
  socket: Socket;
}

/** A user of the dashboard, and what that person may do. */
export interface Person {
  /** The name that the audit log and the dashboard show, 1 to 128 characters without control characters. */
  label: string;
  /** `viewer` may read, `operator` may also replay, cancel, pause and enqueue, and `admin` may do everything. */
  role: Role;
  /** The queues that the person may see and use. @default all queues */
  queues?: string[] | null | undefined;
}

type Answer = Person | false | null | undefined;

/**
 * Says who sent a request, or that the sender may not use the dashboard (`false`, `null` or `undefined`). It is called
 * for every request below the path, for the live connection as well, and again every 10 seconds while a request is open.
 */
export type Authorize = {
  // This is declared as a method, so that the parameter may have the request type of the app's framework.
  authorize(request: DashboardRequest): Answer | Promise<Answer>;
}["authorize"];

/**
 * Returns a function that identifies the sender of a request of the app. It returns null for a sender who may not use
 * the dashboard.
 * @throws HoldfastError invalid_argument without `authorize`
 */
export function identifier(authorize: Authorize | "none"): (request: object) => Promise<Identity | null> {
  if (authorize === "none") return async () => ANONYMOUS;
  if (typeof authorize !== "function") {
    throw new HoldfastError(
      "invalid_argument",
      'mountDashboard needs authorize: a function that returns { label, role } for a request, or false. With authorize: "none", everybody who reaches the app may do everything',
      { field: "authorize" },
    );
  }
  return async (request) => {
    const answer = await authorize(request as DashboardRequest);
    if (answer === false || answer === null || answer === undefined) return null;
    const { label, role, queues = null } = answer;
    if (typeof label !== "string" || !isName(label)) throw wrong("a label of 1 to 128 characters");
    if (!ROLES.includes(role)) throw wrong(`a role: ${ROLES.join(", ")}`);
    if (queues !== null && !(Array.isArray(queues) && queues.every(isQueueName)))
      throw wrong("queues as a list of names of queues, or without queues");
    return personOf(label, role, queues);
  };
}

function wrong(what: string): HoldfastError {
  return new HoldfastError("invalid_argument", `authorize has to return false, or an object with ${what}`, {
    field: "authorize",
  });
}

import { Type } from "typebox";
import { ROLES, type Role, SCOPES, type Scope } from "../keys.ts";
import { nullable, oneOf, Timestamp } from "./common.ts";

export { ROLES, type Role, SCOPES, type Scope };

/** The sender of a request. If the service has no API keys, everybody is anonymous and may do everything. */
export const Identity = Type.Object({
  kind: oneOf(["anonymous", "key", "session", "proxy"]),
  label: Type.String({ description: "Label of the key, or the name that the proxy gave" }),
  keyId: nullable(Type.String()),
  role: oneOf(ROLES),
  scopes: Type.Array(oneOf(SCOPES)),
  queues: nullable(Type.Array(Type.String(), { description: "Queues that the sender may use; null: all" })),
});
export type Identity = Type.Static<typeof Identity>;

export const ANONYMOUS: Identity = {
  kind: "anonymous",
  label: "anonymous",
  keyId: null,
  role: "admin",
  scopes: ["admin"],
  queues: null,
};

export const LogInBody = Type.Object(
  { key: Type.String({ minLength: 1, maxLength: 256, description: "An API key" }) },
  { additionalProperties: false },
);

/** The user of the dashboard, and what this user may do. */
export const SessionView = Type.Object({
  authenticated: Type.Boolean({ description: "False: log in with a key through `POST /v1/session`" }),
  keysRequired: Type.Boolean({
    description: "False: everybody has access, as on a loopback address without keys",
  }),
  readOnly: Type.Boolean({ description: "This service refuses every change" }),
  label: Type.String(),
  role: oneOf(ROLES),
  scopes: Type.Array(oneOf(SCOPES)),
  queues: nullable(Type.Array(Type.String(), { description: "Queues that the sender may use; null: all" })),
  expiresAt: nullable(Timestamp("End of the session, or of the key")),
  idleExpiresAt: nullable(Timestamp("When the session ends if there is no further request")),
  environment: nullable(
    Type.String({ description: "The name of the environment, such as production; shown as a badge" }),
  ),
  traceUrl: nullable(
    Type.String({ description: "The address of a trace, with {traceId} in place of its id: TRACE_URL" }),
  ),
  redis: nullable(
    Type.String({
      description: "The name of the Redis that is shown, if there are several: see `GET /v1/redis`",
    }),
  ),
  demoLoad: Type.Boolean({
    description: "Whether bursts of demo tasks may be sent: ENVIRONMENT is empty or development",
  }),
});
export type SessionView = Type.Static<typeof SessionView>;

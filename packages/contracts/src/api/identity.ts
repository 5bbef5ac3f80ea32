import { Type } from "typebox";
import { ROLES, type Role, SCOPES, type Scope } from "../keys.ts";
import { nullable, oneOf } from "./common.ts";

export { ROLES, type Role, SCOPES, type Scope };

/** Who sent a request. Without keys everybody is anonymous and may do everything. */
export const Identity = Type.Object({
  kind: oneOf(["anonymous", "key", "session", "proxy"]),
  label: Type.String({ description: "Label of the key, or the name that the proxy gave" }),
  keyId: nullable(Type.String()),
  role: oneOf(ROLES),
  scopes: Type.Array(oneOf(SCOPES)),
  queues: nullable(Type.Array(Type.String(), { description: "Only these; null: all" })),
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

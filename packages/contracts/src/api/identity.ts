import { Type } from "typebox";
import { nullable, oneOf } from "./common.ts";

/** What a key may do. `admin` includes all, `control` includes `read`. */
export const SCOPES = ["enqueue", "read", "control", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a person may do: viewer reads, operator also enqueues and controls, admin may do everything. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

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

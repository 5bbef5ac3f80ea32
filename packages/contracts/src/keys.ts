import { isQueueName } from "./names.ts";

/**
 * The rights of an API key. `admin` includes all others, `control` includes `read`. `work` is for workers that acquire
 * and settle tasks over HTTP.
 */
export const SCOPES = ["enqueue", "work", "read", "control", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/**
 * The rights of a person. A viewer reads, an operator also enqueues tasks and controls queues, and an admin may do
 * everything.
 */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** The stored record of an API key. The key itself, `hf_<id>_<secret>`, is shown once and not stored. */
export interface ApiKey {
  /** 12 characters of `0-9a-z`. */
  id: string;
  /** The holder of the key, 1 to 64 characters. The audit log names the holder as the actor. */
  label: string;
  scopes: Scope[];
  /** The queues that the key may use; null: all queues. */
  queues: string[] | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Milliseconds since the epoch; null: never. */
  expiresAt: number | null;
  /** SHA-256 of the whole key, in hex. */
  sha256: string;
}

/** The data of an API key that may be shown. */
export type KeyView = Omit<ApiKey, "sha256">;

/** The most queues to which one key can be limited. */
export const MAX_KEY_QUEUES = 100;

export function includesScope(scopes: readonly Scope[], wanted: Scope): boolean {
  if (scopes.includes(wanted) || scopes.includes("admin")) return true;
  return wanted === "read" && scopes.includes("control");
}

/** Returns the role that these scopes give. A key with neither `control` nor `admin` is a viewer. */
export function roleOf(scopes: readonly Scope[]): Role {
  if (scopes.includes("admin")) return "admin";
  return scopes.includes("control") ? "operator" : "viewer";
}

export const SCOPES_OF_ROLE: Record<Role, Scope[]> = {
  viewer: ["read"],
  operator: ["read", "control", "enqueue"],
  admin: ["admin"],
};

// Labels appear in logs and on terminals, so control characters and marks that reverse text are refused.
const LABEL = /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u;
export const isKeyLabel = (value: unknown): value is string =>
  typeof value === "string" && LABEL.test(value) && value.trim() === value;
export const isKeyId = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-z]{12}$/.test(value);

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Returns whether the value is a complete record of an API key. It comes from a file or from Redis. */
export function isApiKey(value: unknown): value is ApiKey {
  if (typeof value !== "object" || value === null) return false;
  const { id, label, scopes, queues, createdAt, expiresAt, sha256 } = value as Record<string, unknown>;
  return (
    isKeyId(id) &&
    isKeyLabel(label) &&
    Array.isArray(scopes) &&
    scopes.length > 0 &&
    scopes.every((scope) => (SCOPES as readonly unknown[]).includes(scope)) &&
    (queues === null ||
      (Array.isArray(queues) &&
        queues.length > 0 &&
        queues.length <= MAX_KEY_QUEUES &&
        queues.every(isQueueName))) &&
    isTime(createdAt) &&
    (expiresAt === null || isTime(expiresAt)) &&
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

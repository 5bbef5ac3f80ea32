import { HoldfastError } from "./errors.ts";

/**
 * Returns whether bursts of demo tasks are allowed: only if ENVIRONMENT is empty or "development". A burst is thousands
 * of tasks that fail on purpose, so one wrong click must not send it to a production system.
 */
export function allowsDemoLoad(environment: string | null | undefined): boolean {
  return ["", "development"].includes((environment ?? "").trim().toLowerCase());
}

/** Throws unless bursts of demo tasks are allowed. @throws HoldfastError forbidden */
export function assertDemoLoad(environment: string | null | undefined): void {
  if (allowsDemoLoad(environment)) return;
  throw new HoldfastError(
    "forbidden",
    `bursts of demo tasks are off: ENVIRONMENT is "${environment}", but must be empty or "development"`,
  );
}

import { HoldfastError } from "./errors.ts";

/**
 * Whether bursts of demo tasks may be sent: only if ENVIRONMENT is empty or "development". A burst is thousands of
 * tasks that fail on purpose, which no other environment should get by one click.
 */
export function allowsDemoLoad(environment: string | null | undefined): boolean {
  return ["", "development"].includes((environment ?? "").trim().toLowerCase());
}

/** @throws HoldfastError forbidden */
export function assertDemoLoad(environment: string | null | undefined): void {
  if (allowsDemoLoad(environment)) return;
  throw new HoldfastError(
    "forbidden",
    `bursts of demo tasks are off: ENVIRONMENT is "${environment}", but must be empty or "development"`,
  );
}

import { HoldfastError } from "./errors.ts";

/**
 * Whether bursts of demo tasks may be sent in an environment: only where it has no name, or is called "development". They
 * are thousands of tasks that fail on purpose, which no other environment should get by one click.
 */
export function allowsDemoLoad(environment: string | null | undefined): boolean {
  return ["", "development"].includes((environment ?? "").trim().toLowerCase());
}

/** @throws HoldfastError forbidden */
export function assertDemoLoad(environment: string | null | undefined): void {
  if (allowsDemoLoad(environment)) return;
  throw new HoldfastError(
    "forbidden",
    `bursts of demo tasks are off: ENVIRONMENT is "${environment}", and they are for one that is empty or "development"`,
  );
}

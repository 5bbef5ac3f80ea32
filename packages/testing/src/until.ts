const STEP_MS = 10;

/** Waits for a condition. Fails after the deadline with the name of the condition. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms, but this did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

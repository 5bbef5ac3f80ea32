import { asHoldfastError, HoldfastError, LIMITS } from "@holdfast/contracts";
import { shown } from "../options/shape.ts";

/** Checks the name of an event. @throws HoldfastError invalid_argument */
export function checkEvent(event: unknown): void {
  if (typeof event !== "string" || !/^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/.test(event))
    throw new HoldfastError(
      "invalid_argument",
      `an event is a name of 1 to 128 letters, digits and _.:/-, which begins with a letter or digit, got ${shown(event)}`,
    );
}

/**
 * Returns the data of a signal as JSON text; "" for undefined.
 * @throws HoldfastError invalid_argument, payload_too_large
 */
export function signalText(data: unknown): string {
  if (data === undefined) return "";
  let text: string | undefined;
  let cause: HoldfastError | undefined;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    cause = asHoldfastError(error);
  }
  if (text === undefined)
    throw new HoldfastError(
      "invalid_argument",
      `the data of a signal has no JSON form: ${cause?.message ?? `it is ${typeof data}`}`,
      { cause },
    );
  const bytes = Buffer.byteLength(text);
  if (bytes <= LIMITS.signalBytes) return text;
  throw new HoldfastError(
    "payload_too_large",
    `the data of a signal has ${bytes} bytes of JSON, more than ${LIMITS.signalBytes}`,
  );
}

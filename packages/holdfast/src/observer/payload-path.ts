import { LIMITS, type Step } from "@holdfast/contracts";
import {
  eachElement,
  eachMember,
  JsonText,
  OPEN_BRACE,
  OPEN_BRACKET,
  scanValue,
  skipSpace,
} from "@holdfast/contracts/json";

/**
 * Returns the values at a path of a payload as JSON texts, exactly as they were written, so that large numbers stay
 * exact. Empty for a payload that is not kept or is not JSON.
 */
export function valuesAt(payloadText: string, path: readonly Step[]): string[] {
  // A shortcut: names are rarely written with escapes, so most payloads without such a member do not contain its name.
  if (
    !payloadText.includes("\\") &&
    path.some((step) => step !== null && !isIndex(step) && !payloadText.includes(step))
  )
    return [];
  const json = new JsonText(Buffer.from(payloadText));
  const found: string[] = [];
  const visit = (at: number, depth: number): number => {
    const budget = LIMITS.jsonDepth + 2 - depth;
    if (depth === path.length) {
      const end = scanValue(json, at, budget);
      found.push(json.bytes.toString("utf8", at, end));
      return end;
    }
    const step = path[depth] as Step;
    if (json.bytes[at] === OPEN_BRACE)
      return eachMember(json, at, budget, (keyStart, keyEnd, valueStart) => {
        if (step === null || JSON.parse(json.bytes.toString("utf8", keyStart, keyEnd)) === step)
          visit(valueStart, depth + 1);
      });
    if (json.bytes[at] !== OPEN_BRACKET) return scanValue(json, at, budget);
    let index = 0;
    return eachElement(json, at, budget, (start) =>
      step === null || step === String(index++)
        ? visit(start, depth + 1)
        : scanValue(json, start, budget - 1),
    );
  };
  try {
    visit(skipSpace(json.bytes, 0), 0);
  } catch {
    return [];
  }
  return found;
}

const isIndex = (step: string) => /^\d+$/.test(step);

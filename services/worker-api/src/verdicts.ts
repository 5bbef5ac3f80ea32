import { HoldfastError } from "@holdfast/contracts";
import { checkJson } from "@holdfast/contracts/json";
import type { RemoteVerdict } from "holdfast/remote";
import type { Static } from "typebox";
import { VERDICTS, type verdict } from "./schema.ts";

type Told = Static<typeof verdict>;

const OWN = new Set(["id", "token", "verdict"]);

/** Checks that a verdict has the fields that it needs and no other. @throws HoldfastError invalid_argument, invalid_json */
export function readVerdict(told: Told, at: number): RemoteVerdict {
  const { needed, also } = VERDICTS[told.verdict];
  const fields = Object.keys(told).filter((name) => !OWN.has(name) && told[name as keyof Told] !== undefined);
  const known: readonly string[] = [...needed, ...also];
  for (const name of needed) {
    if (!fields.includes(name)) throw refused(at, name, `the verdict "${told.verdict}" needs ${name}`);
  }
  const wrong = fields.find((name) => !known.includes(name));
  if (wrong !== undefined)
    throw refused(
      at,
      wrong,
      `the verdict "${told.verdict}" has no field ${wrong}${known.length > 0 ? `; it may have ${known.join(", ")}` : ""}`,
    );
  const { result, resultText, events = [], ...rest } = told;
  if (told.verdict === "suspend") return { ...rest, events } as RemoteVerdict;
  if (told.verdict !== "complete") return rest as RemoteVerdict;
  const text = jsonTextOf(`verdicts/${at}/result`, { value: result, text: resultText });
  return { ...rest, ...(text === undefined ? {} : { resultText: text }) } as RemoteVerdict;
}

/**
 * Returns a value that was given as JSON, or as JSON text in the field `<name>Text`; undefined if neither was given.
 * @throws HoldfastError invalid_argument, invalid_json, payload_too_deep
 */
export function jsonTextOf(
  name: string,
  { value, text }: { value?: unknown; text?: string | undefined },
): string | undefined {
  if (text === undefined) return value === undefined ? undefined : JSON.stringify(value);
  if (value !== undefined)
    throw new HoldfastError("invalid_argument", `${name}Text: give ${name} or ${name}Text, not both`, {
      field: `${name}Text`,
    });
  checkJson(text, `${name}Text`);
  return text;
}

function refused(at: number, name: string, why: string): HoldfastError {
  return new HoldfastError("invalid_argument", `verdicts/${at}/${name}: ${why}`, {
    field: `verdicts/${at}/${name}`,
  });
}

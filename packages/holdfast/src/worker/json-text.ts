import { HoldfastError } from "@holdfast/contracts";

/**
 * JSON text that a handler returns as its result, stored byte by byte: numbers beyond 2^53 and the order and spacing of
 * the text stay as they are.
 */
export class JsonText {
  readonly text: string;

  /** @throws HoldfastError invalid_json where the text is no JSON */
  constructor(text: string) {
    try {
      JSON.parse(text);
    } catch (error) {
      throw new HoldfastError("invalid_json", `not JSON: ${(error as Error).message}`, { cause: error });
    }
    this.text = text;
  }
}

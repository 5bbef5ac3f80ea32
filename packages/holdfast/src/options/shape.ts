import { type ErrorCode, HoldfastError, nearest } from "@holdfast/contracts";

/** Which values an option accepts. */
export interface Kind {
  /** The end of the sentence "maxRetries has to be …". */
  readonly wants: string;
  is(value: unknown): boolean;
  /** For an object of options: its options. Values that `is` accepts are accepted as well. */
  readonly shape?: Shape | undefined;
  /** For an object with free names: the options that each name has. */
  readonly each?: Shape;
  /** Whether the value is secret, so that error messages must not show it. */
  readonly isSecret?: boolean;
  /** The code of the error for a wrong value. @default "invalid_argument" */
  readonly code?: ErrorCode;
}

/** The options of all members of a union, also those that only some members have. */
export type Merged<Union> = { [Name in Union extends unknown ? keyof Union : never]?: unknown };

/** One kind for each option of an options object. A missing or unknown name is a compile error. */
export type Kinds<Options> = { readonly [Name in keyof Required<Options>]: Kind };

/** Which options a public object may have. `undefined` always means that an option is left out; null does not. */
export interface Shape {
  /** The end of the sentence "jobId is not an option of …". */
  readonly what: string;
  /** The heading in docs/options.md. */
  readonly title: string;
  /** The end of the sentence "… has to be an object, such as …". */
  readonly example: string | undefined;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly hints: ReadonlyMap<string, string>;
  readonly required: readonly string[];
  readonly rule: ((options: never) => string | undefined) | undefined;
}

export interface ShapeSpec<Options> {
  what: string;
  title: string;
  example?: string;
  kinds: Kinds<Options>;
  /** Advice for names that other libraries use for an option. */
  hints?: Readonly<Record<string, string>>;
  required?: readonly (keyof Options & string)[];
  /** A check of all options together, done last. @returns why they contradict each other; undefined if they do not */
  rule?: (options: Options) => string | undefined;
}

export function shapeOf<Options>(spec: ShapeSpec<Options>): Shape {
  const { what, title, example, kinds, hints = {}, required = [], rule } = spec;
  return {
    what,
    title,
    example,
    kinds: new Map(Object.entries<Kind>(kinds)),
    hints: new Map(Object.entries(hints)),
    required,
    rule,
  };
}

/**
 * Checks the names and values of options.
 * @param at where these options are within others, such as `backoff.`
 * @throws HoldfastError invalid_argument that names the option and says what it has to be
 */
export function checkShape(shape: Shape, options: unknown, at = ""): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const what = at === "" ? `the options of ${shape.what} have` : `${at.slice(0, -1)} has`;
    const such = shape.example === undefined ? "" : ` such as ${shape.example}`;
    throw refused(shape, `${what} to be an object${such}, got ${shown(options)}`);
  }
  for (const name in options) {
    const value = (options as Record<string, unknown>)[name];
    const kind = shape.kinds.get(name);
    if (kind === undefined) {
      // An unknown option with the value undefined is accepted, because undefined means that it is left out.
      if (value === undefined) continue;
      throw refused(shape, unknownOption(shape, name, at));
    }
    if (value === undefined) continue;
    if (kind.is(value)) {
      if (kind.each !== undefined)
        for (const [one, its] of Object.entries(value as object))
          if (its !== undefined) checkShape(kind.each, its, `${at}${name}.${one}.`);
    } else if (kind.shape !== undefined) checkShape(kind.shape, value, `${at}${name}.`);
    else {
      const got = kind.isSecret ? "" : `, got ${shown(value)}`;
      throw refused(shape, `${at}${name} has to be ${kind.wants}${got}`, kind.code);
    }
  }
  for (const name of shape.required) {
    if ((options as Record<string, unknown>)[name] === undefined)
      throw refused(shape, `${at}${name} is missing: it has to be ${shape.kinds.get(name)?.wants}`);
  }
  const wrong = shape.rule?.(options as never);
  if (wrong !== undefined) throw refused(shape, wrong, undefined, at === "" ? undefined : at.slice(0, -1));
}

/** Checks a single argument. @throws HoldfastError invalid_argument, or the code of the kind */
export function checkArgument<Value>(name: string, kind: Kind, value: Value): Value {
  if (kind.is(value)) return value;
  throw new HoldfastError(
    kind.code ?? "invalid_argument",
    `${name} has to be ${kind.wants}${kind.isSecret ? "" : `, got ${shown(value)}`}`,
  );
}

/** Makes the error. @param field the options that contradict each other */
function refused(
  shape: Shape,
  text: string,
  code: ErrorCode = "invalid_argument",
  field?: string,
): HoldfastError {
  const end = text.endsWith("?") ? "" : ".";
  return new HoldfastError(
    code,
    `${text}${end} See docs/options.md#${anchorOf(shape.title)}`,
    field === undefined ? {} : { field },
  );
}

/** Returns the anchor that GitHub makes of a heading. */
export function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
}

function unknownOption(shape: Shape, name: string, at: string): string {
  const text = `${at}${clipped(name)} is not an option of ${shape.what}`;
  const hint = shape.hints.get(name);
  if (hint !== undefined) return `${text}: ${shape.kinds.has(hint) ? `did you mean ${at}${hint}?` : hint}`;
  const near = nearest(name, [...shape.kinds.keys()]);
  return near === undefined
    ? `${text}. Its options are ${[...shape.kinds.keys()].join(", ")}`
    : `${text}: did you mean ${at}${near}?`;
}

const SHOWN_CHARACTERS = 60;

function clipped(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** Describes a value in an error message, shortly and without the contents of objects. */
export function shown(value: unknown): string {
  if (typeof value === "string") return clipped(JSON.stringify(value));
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  let name: unknown;
  try {
    name = value.constructor?.name;
  } catch {}
  return typeof name !== "string" || name === "" || name === "Object" ? "an object" : `a ${clipped(name)}`;
}

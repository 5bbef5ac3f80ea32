import type { Kind, Shape } from "./shape.ts";

/** The longest time of a timer in Node, 24.8 days. A longer timer would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** A whole number, such as every time in ms. Infinity, NaN and fractions are refused. */
export function whole(from: number, to: number): Kind {
  return {
    wants: `a whole number from ${from} to ${to}`,
    is: (value) => Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to,
  };
}

/** A time in ms since the epoch. */
export const epochMs: Kind = {
  ...whole(0, 8.64e15),
  wants: "a time in ms since the epoch (a whole number, such as Date.now())",
};

export const yesNo: Kind = { wants: "true or false", is: (value) => typeof value === "boolean" };

export const callback: Kind = { wants: "a function", is: (value) => typeof value === "function" };

export function oneOf(...values: readonly string[]): Kind {
  const last = values.at(-1);
  return {
    wants: values.length > 1 ? `${values.slice(0, -1).join(", ")} or ${last}` : String(last),
    is: (value) => values.includes(value as string),
  };
}

export const isText = (value: unknown): value is string => typeof value === "string";

/** A text of `from` to `to` characters, without lone surrogates. */
export function text(from: number, to: number): Kind {
  return {
    wants: `a text of ${from} to ${to} characters`,
    is: (value) =>
      typeof value === "string" && value.length >= from && value.length <= to && value.isWellFormed(),
  };
}

export function pattern(wants: string, is: (value: string) => boolean): Kind {
  return { wants, is: (value) => typeof value === "string" && is(value) };
}

export function listOf(kind: Kind, wants: string, from: number, to: number): Kind {
  return {
    wants,
    is: (value) =>
      Array.isArray(value) &&
      value.length >= from &&
      value.length <= to &&
      value.every((one) => kind.is(one)),
  };
}

/** An object of options. */
export function nested(shape: Shape): Kind {
  return { wants: `an object of ${shape.what}`, is: () => false, shape };
}

/** An object of options, or another kind of value. */
export function nestedOr(shape: Shape, other: Kind): Kind {
  return { wants: `an object of ${shape.what}, or ${other.wants}`, is: other.is, shape };
}

/** An object whose names are free, and whose values are objects of options. */
export function recordOf(name: Kind, shape: Shape, most: number): Kind {
  return {
    wants: `an object of at most ${most} names, each ${name.wants}, with an object of ${shape.what}`,
    is: (value) =>
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length <= most &&
      Object.keys(value).every((one) => name.is(one)),
    each: shape,
  };
}

export const abortSignal: Kind = {
  wants: "an AbortSignal",
  is: (value) => value instanceof AbortSignal,
};

/** A value of one of several kinds. */
export function either(...kinds: readonly Kind[]): Kind {
  return {
    wants: kinds.map(({ wants }) => wants).join(", or "),
    is: (value) => kinds.some((kind) => kind.is(value)),
  };
}

export function secret(kind: Kind): Kind {
  return { ...kind, isSecret: true };
}

export const anything: Kind = { wants: "any value", is: () => true };

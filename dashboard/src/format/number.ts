import { perLanguage } from "../language/texts.tsx";

const integer = perLanguage((tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 0 }));
const tenths = perLanguage(
  (tag) => new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
);

/** Formats a count with all of its digits and with thousands separators, because operators compare counts. */
export const count = (value: number): string => integer().format(value);

/** Formats a number with one decimal. */
export const tenth = (value: number): string => tenths().format(value);

/** Formats a rate per second, with one decimal if the rate is small. */
export function rate(perSecond: number): string {
  if (perSecond >= 10) return count(perSecond);
  if (perSecond >= 0.05) return tenth(perSecond);
  return "0";
}

/** Formats a share as a percentage, with one decimal if it is small: `0.4 %`, `12 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value !== 0 && value < 9.95 ? tenth(value) : count(value)} %`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${tenth(value / 1024)} KiB`;
  return `${tenth(value / 1024 / 1024)} MiB`;
}

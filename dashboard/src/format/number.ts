const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Writes a count with all of its digits and with thousands separators, because operators compare counts. */
export const count = (value: number): string => integer.format(value);

/** Writes a rate per second, with one decimal if the rate is small. */
export function rate(perSecond: number): string {
  if (perSecond >= 10) return integer.format(perSecond);
  if (perSecond >= 0.05) return perSecond.toFixed(1);
  return "0";
}

/** Writes a share as a percentage, with one decimal if it is small: `0.4 %`, `12 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value !== 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${(value / 1024).toFixed(1)} KiB`;
  return `${(value / 1024 / 1024).toFixed(1)} MiB`;
}

export const plural = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

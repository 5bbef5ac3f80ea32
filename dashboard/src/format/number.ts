const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** An exact number with thousands separators, since operators compare counts. */
export const count = (value: number): string => integer.format(value);

/** A rate per second, with a decimal if it is small. */
export function rate(perSecond: number): string {
  if (perSecond >= 10) return integer.format(perSecond);
  if (perSecond >= 0.05) return perSecond.toFixed(1);
  return "0";
}

/** `0.4 %`, `12 %`: with a decimal if it is small. */
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

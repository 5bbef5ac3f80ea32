import { perLanguage } from "../../language/texts.tsx";

const formats = perLanguage((language) => ({
  tag: language === "en" ? "en-GB" : language,
  byZone: new Map<string, Intl.DateTimeFormat>(),
}));

/** Formats a moment in the time zone of the schedule, with the name of the zone: `Thu 26 Nov, 02:30 CET`. */
export function zoned(at: number, timeZone: string): string {
  const { tag, byZone } = formats();
  let format = byZone.get(timeZone);
  if (format === undefined) {
    format = makeFormat(tag, timeZone);
    byZone.set(timeZone, format);
  }
  return format.format(at);
}

function makeFormat(tag: string, timeZone: string): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: undefined,
    timeZoneName: "short",
  };
  try {
    return new Intl.DateTimeFormat(tag, { ...options, timeZone });
  } catch {
    // An older browser may not know a time zone that the service accepts. Then the time is shown in UTC.
    return new Intl.DateTimeFormat(tag, { ...options, timeZone: "UTC" });
  }
}

/** Returns the time zones that the browser knows. UTC comes first, because most servers run on UTC. */
export const timeZones = (): string[] => [
  "UTC",
  ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC"),
];

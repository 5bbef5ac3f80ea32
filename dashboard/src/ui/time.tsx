import { t } from "@lingui/core/macro";
import { createContext, type ReactNode, use, useMemo, useState } from "react";
import { clockTime, relative, utc, utcPrecise, type Zone } from "../format/time.ts";
import { useNow } from "../live/live-context.tsx";
import { readPreference, writePreference } from "../preferences.ts";

export type TimeMode = "relative" | "utc" | "local";
const MODES = ["relative", "utc", "local"] as const;

interface TimeChoice {
  mode: TimeMode;
  setMode(mode: TimeMode): void;
}

const TimeContext = createContext<TimeChoice>({ mode: "relative", setMode: () => {} });

export function TimeProvider({ children }: { children: ReactNode }) {
  const [mode, setMode] = useState<TimeMode>(() => readPreference("time", MODES, "relative"));
  const choice = useMemo(
    () => ({
      mode,
      setMode: (next: TimeMode) => {
        writePreference("time", next);
        setMode(next);
      },
    }),
    [mode],
  );
  return <TimeContext value={choice}>{children}</TimeContext>;
}

export const useTimeMode = (): TimeChoice => use(TimeContext);

/** Returns the time zone for clocks, such as the axis of a chart. It is UTC only for users who chose UTC. */
export const useZone = (): Zone => (useTimeMode().mode === "utc" ? "utc" : "local");

const local = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** Shows a time in the format that the user chose. The tooltip shows the exact time. */
export function Time({ at }: { at: number }) {
  const { mode } = useTimeMode();
  return (
    <time dateTime={utcPrecise(at)} title={t`${utcPrecise(at)} (${clockTime(at)} here)`}>
      {mode === "relative" ? (
        <RelativeTime at={at} />
      ) : (
        <ClockTime text={mode === "utc" ? utc(at) : local.format(at)} />
      )}
    </time>
  );
}

/** Breaks the line between day and time if there is little space: a time that is cut off would mislead. */
function ClockTime({ text }: { text: string }) {
  const [day, ...rest] = text.split(" ");
  return (
    <>
      <span className="time-part">{day}</span> <span className="time-part">{rest.join(" ")}</span>
    </>
  );
}

function RelativeTime({ at }: { at: number }) {
  return relative(at, useNow());
}

import type { TypesReply } from "@holdfast/contracts/api";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { count } from "../../format/number.ts";
import { clockMinute, shortDuration } from "../../format/time.ts";
import { useZone } from "../../ui/time.tsx";
import { heatRows } from "./heat-rows.ts";

/** The width and height of the drawing, which is stretched to the width of the page. */
const WIDTH = 1_000;
const ROW = 10;
/** The least width of a column, because a few seconds would be too narrow to see. */
const LEAST_WIDTH = 4;

interface HeatMapProps {
  reply: Pick<TypesReply, "heat" | "boundsMs" | "at" | "windowMs">;
  by: "wait" | "run";
}

/** Draws how many attempts took how long, over time. A darker cell stands for more attempts. */
export function HeatMap({ reply, by }: HeatMapProps) {
  const { heat, boundsMs, at: until, windowMs } = reply;
  const zone = useZone();
  const { rows, most } = heatRows(heat, boundsMs, by);
  if (rows.length === 0)
    return (
      <p className="chart-none heat-none">
        <Trans>There is no data for this time.</Trans>
      </p>
    );
  const since = until - windowMs;
  const height = { height: `${rows.length * 1.1}rem` };
  const place = (at: number) => ((at - since) / windowMs) * WIDTH;
  return (
    // Screen readers skip this drawing, because the table above it has the percentiles as text.
    <div className="heat" aria-hidden="true">
      <svg
        viewBox={`0 0 ${WIDTH} ${rows.length * ROW}`}
        preserveAspectRatio="none"
        style={height}
        role="img"
        aria-label={t`Heat map`}
      >
        {rows.map(({ boundMs, counts }, row) =>
          counts.map((attempts, index) => {
            const column = heat[index];
            if (attempts === 0 || column === undefined) return null;
            const right = place(column.at);
            const left = Math.max(0, Math.min(place(column.at - column.spanMs), right - LEAST_WIDTH));
            const [time, bound, attemptsText] = [
              clockMinute(column.at, zone),
              shortDuration(boundMs),
              count(attempts),
            ];
            const text = t`${time}, up to ${bound}: ${attemptsText}`;
            return (
              <rect
                key={`${boundMs} ${column.at}`}
                x={left}
                y={row * ROW + 0.5}
                width={right - left - 0.5}
                height={ROW - 1}
                fill="var(--processing)"
                opacity={0.15 + 0.85 * Math.sqrt(attempts / most)}
              >
                <title>{text}</title>
              </rect>
            );
          }),
        )}
      </svg>
      <ol className="heat-rows" style={height}>
        {rows.map(({ boundMs }) => (
          <li key={boundMs}>{shortDuration(boundMs)}</li>
        ))}
      </ol>
      <div className="heat-times">
        {[since, (since + until) / 2, until].map((at) => (
          <span key={at}>{clockMinute(at, zone)}</span>
        ))}
      </div>
    </div>
  );
}

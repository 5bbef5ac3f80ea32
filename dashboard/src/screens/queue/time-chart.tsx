import { t } from "@lingui/core/macro";
import {
  CartesianGrid,
  Line,
  LineChart,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";
import { plainText } from "../../format/foreign-text.ts";
import { clockDay, clockMinute, clockTime, type Zone } from "../../format/time.ts";
import { perLanguage } from "../../language/texts.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { useZone } from "../../ui/time.tsx";
import { niceTicks } from "./chart-points.ts";
import { MARK_LOOK, type Mark, marksNear } from "./marks.ts";

export interface ChartSeries<P> {
  name(): string;
  color: string;
  value(point: P): number | null;
  /** The dash pattern of the line, so that lines can be told apart without colour. */
  dash?: string;
}

export interface TimeChartProps<P extends { at: number }> {
  title: string;
  unit: string;
  points: readonly P[];
  spanMs: number;
  /** The right end of the axis, ms since the epoch. */
  end: number;
  marks: readonly Mark[];
  series: readonly ChartSeries<P>[];
  format(value: number): string;
  /** Formats a value for the axis. It has to be shorter than the text of `format`. */
  tick?(value: number): string;
  /** The fixed top of the axis, such as 100 for percent. */
  top?: number;
}

const compact = perLanguage(
  (tag) => new Intl.NumberFormat(tag, { notation: "compact", maximumFractionDigits: 1 }),
);
/** If the span is at least this long, ms, the axis does not show seconds. */
const MINUTES_FROM_MS = 1_800_000;
/** If the span is at least this long, ms, the axis also shows the day. */
const DAYS_FROM_MS = 172_800_000;

const axisTime = (spanMs: number) =>
  spanMs >= DAYS_FROM_MS ? clockDay : spanMs >= MINUTES_FROM_MS ? clockMinute : clockTime;
const pointTime = (spanMs: number, atMs: number, zone: Zone): string =>
  `${spanMs >= DAYS_FROM_MS ? `${clockDay(atMs, zone)}, ${clockMinute(atMs, zone)}` : clockTime(atMs, zone)}${zone === "utc" ? " UTC" : ""}`;

/** The most characters of a mark in a tooltip. The table of marks shows longer reasons in full. */
const MARK_CHARACTERS = 120;

interface MarkLabelProps {
  viewBox: { x: number; y: number };
}

/**
 * Shows the letter of a mark at the top of its line. The text of the mark appears if the user points at the letter.
 */
function MarkLabel({ mark, x, y }: { mark: Mark; x: number; y: number }) {
  const { letter, color } = MARK_LOOK[mark.kind];
  return (
    <g>
      <title>{plainText(mark.text)}</title>
      <rect x={x - 6} y={y - 1} width={12} height={13} rx={2} fill={color} />
      <text x={x} y={y + 9} textAnchor="middle" fontSize={10} fontWeight={600} fill="var(--surface)">
        {letter}
      </text>
    </g>
  );
}

export function TimeChart<P extends { at: number }>(props: TimeChartProps<P>) {
  const { title, unit, points, spanMs, end, marks, series, format, top } = props;
  const zone = useZone();
  const tick = props.tick ?? ((value: number) => compact().format(value));
  const largest = Math.max(0, ...points.flatMap((point) => series.map(({ value }) => value(point) ?? 0)));
  const ticks = top === undefined ? niceTicks(largest) : [0, 1, 2, 3, 4].map((step) => (step * top) / 4);
  const latest = (value: (point: P) => number | null): number | null => {
    const point = points.findLast((candidate) => value(candidate) !== null);
    return point === undefined ? null : value(point);
  };
  const known = series.some(({ value }) => latest(value) !== null);
  return (
    <section className="panel chart-panel" aria-label={title}>
      <div className="chart-head">
        <h3>
          {title} <span className="hint">{unit}</span>
        </h3>
        <ul className="legend">
          {series.map(({ name, color, value, dash }) => {
            const now = latest(value);
            return (
              <li key={color}>
                <svg className="swatch" viewBox="0 0 14 4" aria-hidden="true">
                  <line x1="0" y1="2" x2="14" y2="2" stroke={color} strokeWidth="3" strokeDasharray={dash} />
                </svg>
                {name()} <b>{now === null ? "–" : format(now)}</b>
              </li>
            );
          })}
        </ul>
      </div>
      {/* Screen readers skip this drawing, because the legend above it has the current values as text. */}
      <div className="chart" aria-hidden="true">
        {known ? (
          <ResponsiveContainer width="100%" height="100%">
            <LineChart
              data={points as P[]}
              // If the user points at one chart, the crosshair of every chart on the page moves.
              syncId="charts"
              syncMethod="value"
              margin={{ top: 6, right: 8, bottom: 0, left: 0 }}
              accessibilityLayer={false}
            >
              <CartesianGrid stroke="var(--line)" vertical={false} />
              <XAxis
                dataKey="at"
                type="number"
                domain={[end - spanMs, end]}
                allowDataOverflow
                tickFormatter={(atMs: number) => axisTime(spanMs)(atMs, zone)}
                tickCount={5}
                minTickGap={40}
                stroke="var(--line-strong)"
                tickLine={false}
              />
              <YAxis
                width={48}
                tickFormatter={tick}
                axisLine={false}
                tickLine={false}
                domain={[0, ticks.at(-1) ?? 4]}
                ticks={ticks}
              />
              <Tooltip
                isAnimationActive={false}
                cursor={{ stroke: "var(--line-strong)" }}
                content={({ active, payload }) => {
                  const point = payload?.[0]?.payload as P | undefined;
                  if (active !== true || point === undefined) return null;
                  return (
                    <div className="chart-tip">
                      <div className="soft">{pointTime(spanMs, point.at, zone)}</div>
                      {series.map(({ name, color, value }) => {
                        const at = value(point);
                        return (
                          <div key={color} style={{ color }}>
                            {name()} {at === null ? "–" : format(at)}
                          </div>
                        );
                      })}
                      {marksNear(marks, point.at, spanMs).map((mark) => (
                        <div key={`${mark.at} ${mark.text}`} className="chart-tip-mark">
                          <b style={{ color: MARK_LOOK[mark.kind].color }}>{MARK_LOOK[mark.kind].letter}</b>{" "}
                          <ForeignText text={mark.text.slice(0, MARK_CHARACTERS)} />
                        </div>
                      ))}
                    </div>
                  );
                }}
              />
              {marks.map((mark) => (
                <ReferenceLine
                  key={`${mark.at} ${mark.text}`}
                  x={mark.at}
                  stroke={MARK_LOOK[mark.kind].color}
                  strokeDasharray="3 3"
                  label={({ viewBox }: MarkLabelProps) => (
                    <MarkLabel mark={mark} x={viewBox.x} y={viewBox.y} />
                  )}
                />
              ))}
              {series.map(({ name, color, value, dash }) => (
                <Line
                  key={color}
                  name={name()}
                  dataKey={value}
                  type="linear"
                  stroke={color}
                  strokeWidth={1.75}
                  {...(dash === undefined ? {} : { strokeDasharray: dash })}
                  dot={false}
                  connectNulls
                  isAnimationActive={false}
                />
              ))}
            </LineChart>
          </ResponsiveContainer>
        ) : (
          <p className="chart-none">{t`There is no data for this time.`}</p>
        )}
      </div>
    </section>
  );
}

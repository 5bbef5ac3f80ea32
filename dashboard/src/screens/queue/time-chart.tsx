import { CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { clockDay, clockMinute, clockTime } from "../../format/time.ts";
import { niceTicks } from "./chart-points.ts";

export interface ChartSeries<P> {
  name: string;
  color: string;
  value(point: P): number | null;
  /** The dash pattern of the line. With it, readers can tell lines apart without colour. */
  dash?: string;
}

export interface TimeChartProps<P extends { at: number }> {
  title: string;
  unit: string;
  points: readonly P[];
  spanMs: number;
  series: readonly ChartSeries<P>[];
  format(value: number): string;
  /** Writes a value for the axis, which has less space than `format` needs. */
  tick?(value: number): string;
  /** The fixed top of the axis, such as 100 for percent. */
  top?: number;
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
/** If the span is at least this long, the axis leaves out the seconds. */
const MINUTES_FROM_MS = 1_800_000;
/** If the span is at least this long, the axis also shows the day. */
const DAYS_FROM_MS = 172_800_000;

const axisTime = (spanMs: number): ((atMs: number) => string) =>
  spanMs >= DAYS_FROM_MS ? clockDay : spanMs >= MINUTES_FROM_MS ? clockMinute : clockTime;
const pointTime = (spanMs: number, atMs: number): string =>
  spanMs >= DAYS_FROM_MS ? `${clockDay(atMs)}, ${clockMinute(atMs)}` : clockTime(atMs);

export function TimeChart<P extends { at: number }>(props: TimeChartProps<P>) {
  const { title, unit, points, spanMs, series, format, top } = props;
  const tick = props.tick ?? ((value: number) => compact.format(value));
  const end = points.at(-1)?.at ?? 0;
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
              <li key={name}>
                <svg className="swatch" viewBox="0 0 14 4" aria-hidden="true">
                  <line x1="0" y1="2" x2="14" y2="2" stroke={color} strokeWidth="3" strokeDasharray={dash} />
                </svg>
                {name} <b>{now === null ? "–" : format(now)}</b>
              </li>
            );
          })}
        </ul>
      </div>
      {/* Screen readers skip the drawing: the legend above it has the present values as text. */}
      <div className="chart" aria-hidden="true">
        {known ? (
          <ResponsiveContainer width="100%" height="100%">
            <LineChart
              data={points as P[]}
              margin={{ top: 6, right: 8, bottom: 0, left: 0 }}
              accessibilityLayer={false}
            >
              <CartesianGrid stroke="var(--line)" vertical={false} />
              <XAxis
                dataKey="at"
                type="number"
                domain={[end - spanMs, end]}
                allowDataOverflow
                tickFormatter={axisTime(spanMs)}
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
                      <div className="soft">{pointTime(spanMs, point.at)}</div>
                      {series.map(({ name, color, value }) => {
                        const at = value(point);
                        return (
                          <div key={name} style={{ color }}>
                            {name} {at === null ? "–" : format(at)}
                          </div>
                        );
                      })}
                    </div>
                  );
                }}
              />
              {series.map(({ name, color, value, dash }) => (
                <Line
                  key={name}
                  name={name}
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
          <p className="chart-none">There is no data for this time.</p>
        )}
      </div>
    </section>
  );
}

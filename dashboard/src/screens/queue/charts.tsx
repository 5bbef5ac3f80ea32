import { CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { count, rate } from "../../format/number.ts";
import { clockTime } from "../../format/time.ts";
import { type ChartPoint, niceTicks } from "./chart-points.ts";

type Key = Exclude<keyof ChartPoint, "at">;

interface Series {
  key: Key;
  text: string;
  color: string;
}

const DEPTH: readonly Series[] = [
  { key: "pending", text: "Pending", color: "var(--pending)" },
  { key: "processing", text: "Processing", color: "var(--processing)" },
  { key: "scheduled", text: "Scheduled", color: "var(--scheduled)" },
  { key: "dead", text: "Dead", color: "var(--dead)" },
];

const RATES: readonly Series[] = [
  { key: "enqueued", text: "Enqueued", color: "var(--quiet)" },
  { key: "completed", text: "Completed", color: "var(--completed)" },
  { key: "failed", text: "Failed attempts", color: "var(--dead)" },
];

interface ChartProps {
  points: ChartPoint[];
  spanMs: number;
}

export function DepthChart(props: ChartProps) {
  return <LiveChart {...props} title="Depth by state" unit="tasks" series={DEPTH} format={count} />;
}

export function RateChart(props: ChartProps) {
  return <LiveChart {...props} title="Throughput" unit="tasks per second" series={RATES} format={rate} />;
}

interface LiveChartProps extends ChartProps {
  title: string;
  unit: string;
  series: readonly Series[];
  format(value: number): string;
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

function LiveChart({ points, spanMs, title, unit, series, format }: LiveChartProps) {
  const end = points.at(-1)?.at ?? 0;
  const ticks = niceTicks(
    Math.max(0, ...points.flatMap((point) => series.map(({ key }) => point[key] ?? 0))),
  );
  const latest = (key: Key): number => points.findLast((point) => point[key] !== null)?.[key] ?? 0;
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>
          {title} <span className="hint">{unit}</span>
        </h2>
        <ul className="legend">
          {series.map(({ key, text, color }) => (
            <li key={key}>
              <span className="swatch" style={{ background: color }} />
              {text} <b>{format(latest(key))}</b>
            </li>
          ))}
        </ul>
      </div>
      <div className="panel-body">
        {/* The legend above says the present values in text; the drawing itself is skipped by screen readers. */}
        <div className="chart" aria-hidden="true">
          <ResponsiveContainer width="100%" height="100%">
            <LineChart
              data={points}
              margin={{ top: 6, right: 8, bottom: 0, left: 0 }}
              accessibilityLayer={false}
            >
              <CartesianGrid stroke="var(--line)" vertical={false} />
              <XAxis
                dataKey="at"
                type="number"
                domain={[end - spanMs, end]}
                allowDataOverflow
                tickFormatter={clockTime}
                tickCount={5}
                minTickGap={40}
                stroke="var(--line-strong)"
                tickLine={false}
              />
              <YAxis
                width={44}
                tickFormatter={(value: number) => compact.format(value)}
                axisLine={false}
                tickLine={false}
                allowDecimals={false}
                domain={[0, ticks.at(-1) ?? 4]}
                ticks={ticks}
              />
              <Tooltip
                isAnimationActive={false}
                cursor={{ stroke: "var(--line-strong)" }}
                content={({ active, payload }) => {
                  const point = payload?.[0]?.payload as ChartPoint | undefined;
                  if (active !== true || point === undefined) return null;
                  return (
                    <div className="chart-tip">
                      <div className="soft">{clockTime(point.at)}</div>
                      {series.map(({ key, text, color }) => (
                        <div key={key} style={{ color }}>
                          {text} {point[key] === null ? "" : format(point[key])}
                        </div>
                      ))}
                    </div>
                  );
                }}
              />
              {series.map(({ key, color }) => (
                <Line
                  key={key}
                  dataKey={key}
                  type="linear"
                  stroke={color}
                  strokeWidth={1.75}
                  dot={false}
                  connectNulls
                  isAnimationActive={false}
                />
              ))}
            </LineChart>
          </ResponsiveContainer>
        </div>
      </div>
    </section>
  );
}

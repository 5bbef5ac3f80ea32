const WIDTH = 120;
const HEIGHT = 28;

interface SparklineProps {
  values: number[];
  label: string;
  tone?: "pending" | "dead";
}

/** Draws the recent values of one figure as plain SVG, because the chart library is too large for the first load. */
export function Sparkline({ values, label, tone = "pending" }: SparklineProps) {
  if (values.length < 2)
    return <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label} />;
  // Without space at the top, the line of a steady value would look like a border.
  const top = Math.max(...values, 1) * 1.3;
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const colour = `var(--${tone})`;
  return (
    <svg
      className="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <polygon points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} fill={colour} opacity="0.14" />
      <polyline
        points={points.join(" ")}
        fill="none"
        stroke={colour}
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

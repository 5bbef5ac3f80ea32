import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { type TypeStats, typesQuery } from "../../api/type-stats.ts";
import { count, percent } from "../../format/number.ts";
import { shortDuration } from "../../format/time.ts";
import { useLive } from "../../live/live-context.tsx";
import { Segments } from "../../ui/segments.tsx";
import { HeatMap } from "./heat-map.tsx";

const HOUR_MS = 3_600_000;

interface TypePanelProps {
  queue: string;
  /**
   * The time span of the charts, ms. The counts by type use the same span, but at least an hour and at most a day.
   */
  spanMs: number;
  /** The type whose heat map is shown. @default the type with the most attempts */
  type: string | undefined;
  by: "wait" | "run";
  onChoose(choice: { type: string | undefined; by: "wait" | "run" }): void;
}

/** Shows how long attempts of each type took and how many failed. Empty until a worker has reported some. */
export function TypePanel({ queue, spanMs, type, by, onChoose }: TypePanelProps) {
  const { paused } = useLive();
  const windowMs = Math.min(24 * HOUR_MS, Math.max(HOUR_MS, spanMs));
  const refetchInterval = paused ? (false as const) : 15_000;
  const all = useQuery({ ...typesQuery(queue, windowMs, undefined), refetchInterval });
  const shown = type ?? all.data?.types[0]?.type;
  const one = useQuery({
    ...typesQuery(queue, windowMs, shown),
    refetchInterval,
    enabled: shown !== undefined,
  });
  const types = all.data?.types ?? [];
  if (shown === undefined || types.length === 0) return null;
  const hours = windowMs / HOUR_MS;
  const name = nameOf(shown);
  return (
    <section className="panel" aria-label={t`Task types`}>
      <div className="panel-head">
        <h2>
          <Trans>Task types</Trans>{" "}
          <span className="hint">{hours === 1 ? t`last hour` : t`last ${hours} hours`}</span>
        </h2>
      </div>
      <div className="grid-table task-types" role="table" aria-label={t`Task types`}>
        <div role="rowgroup">
          <div className="grid-row grid-head" role="row">
            {[t`Type`, t`Attempts`, t`Failed`, t`Wait p50`, "p95", "p99", t`Run p50`, "p95", "p99"].map(
              (text, at) => (
                <div
                  key={`${text} ${at < 6 ? "wait" : "run"}`}
                  role="columnheader"
                  className={at === 0 ? "cell" : "cell num"}
                >
                  {text}
                </div>
              ),
            )}
          </div>
        </div>
        <div role="rowgroup" className="grid-body">
          {types.map((stats) => (
            <TypeRow
              key={stats.type}
              stats={stats}
              isShown={stats.type === shown}
              onShow={() => onChoose({ type: stats.type, by })}
            />
          ))}
        </div>
      </div>
      <div className="panel-body">
        <div className="chart-head">
          <h3>
            {by === "run" ? (
              <Trans>
                Run of <span className="mono">{name}</span>
              </Trans>
            ) : (
              <Trans>
                Wait of <span className="mono">{name}</span>
              </Trans>
            )}{" "}
            <span className="hint">
              <Trans>darker: more attempts</Trans>
            </span>
          </h3>
          <Segments
            label={t`What the heat map shows`}
            value={by}
            onChange={(next) => onChoose({ type, by: next })}
            options={[
              { value: "run", text: t`Run` },
              { value: "wait", text: t`Wait` },
            ]}
          />
        </div>
        {one.data === undefined ? (
          <div className="heat-none" aria-busy="true" />
        ) : (
          <HeatMap reply={one.data} by={by} />
        )}
      </div>
    </section>
  );
}

const nameOf = (type: string) => (type === "__other__" ? t`all other types` : type);

function TypeRow({ stats, isShown, onShow }: { stats: TypeStats; isShown: boolean; onShow(): void }) {
  const { type, ended, failed } = stats;
  return (
    <div className="grid-row" role="row" data-selected={isShown ? "" : undefined}>
      <div className="cell cell-wide clip" role="cell" title={type}>
        <button type="button" className="link type-name" aria-pressed={isShown} onClick={onShow}>
          {nameOf(type)}
        </button>
      </div>
      <div className="cell num" role="cell">
        <span className="label">
          <Trans>Attempts</Trans>
        </span>
        {count(ended)}
      </div>
      <div className="cell num" role="cell">
        <span className="label">
          <Trans>Failed</Trans>
        </span>
        <span className={failed === 0 ? "zero" : failed / ended >= 0.1 ? "tone-dead alarm" : undefined}>
          {percent(failed / ended)}
        </span>
      </div>
      <Took label={t`Wait p50`} ms={stats.waitP50Ms} />
      <Took label={t`Wait p95`} ms={stats.waitP95Ms} />
      <Took label={t`Wait p99`} ms={stats.waitP99Ms} />
      <Took label={t`Run p50`} ms={stats.runP50Ms} />
      <Took label={t`Run p95`} ms={stats.runP95Ms} />
      <Took label={t`Run p99`} ms={stats.runP99Ms} />
    </div>
  );
}

function Took({ label, ms }: { label: string; ms: number | null }) {
  return (
    <div className="cell num" role="cell">
      <span className="label">{label}</span>
      {ms === null ? <span className="zero">–</span> : shortDuration(ms)}
    </div>
  );
}

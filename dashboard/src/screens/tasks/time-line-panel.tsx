import type { TaskDetail } from "@holdfast/contracts/api";
import { plural, t } from "@lingui/core/macro";
import { Plural } from "@lingui/react/macro";
import { useState } from "react";
import { Button, Tooltip, TooltipTrigger } from "react-aria-components";
import { plainText } from "../../format/foreign-text.ts";
import { duration, utcPrecise } from "../../format/time.ts";
import { withinSentence } from "../../language/texts.tsx";
import { useNow } from "../../live/live-context.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Segments } from "../../ui/segments.tsx";
import { OUTCOME_LOOK } from "../../ui/status.tsx";
import { useNarrow } from "../../ui/use-narrow.ts";
import { type BarRow, barRows, entryIdOf, type Scale, type Span, scaleOf, ticksOf } from "./bars.ts";
import { type ReplayAuthor, useReplayAuthors } from "./use-replay-authors.ts";

const SPAN_LOOK: Record<Span["kind"], { tone: string; text: () => string }> = {
  delayed: { tone: "scheduled", text: () => t`Delay` },
  queued: { tone: "pending", text: () => t`Queue` },
  backoff: { tone: "warn", text: () => t`Backoff` },
  flow: { tone: "quiet", text: () => t`Other tasks of the flow` },
  step: { tone: "processing", text: () => t`Steps` },
  suspended: { tone: "scheduled", text: () => t`Sleep or signal` },
  run: { tone: "processing", text: () => t`Run` },
  dead: { tone: "quiet", text: () => t`Dead letter` },
};

const toneOf = ({ kind, attempt }: Span): string =>
  attempt === null ? SPAN_LOOK[kind].tone : OUTCOME_LOOK[attempt.outcome].tone;

const outcomeOf = ({ attempt }: Span): string =>
  attempt === null ? "" : `, ${withinSentence(OUTCOME_LOOK[attempt.outcome].text())}`;

type Moment = BarRow["moments"][number];
type AuthorOf = (moment: Moment) => ReplayAuthor | null;

/** Shows when a task waited, ran and was replayed: as bars, or as a table with the same times. */
export function TimeLinePanel({ task }: { task: TaskDetail }) {
  const now = useNow();
  const [view, setView] = useState<"bars" | "table">("bars");
  const [isExact, setIsExact] = useState(false);
  const authors = useReplayAuthors(task);
  const rows = barRows(task, now);
  const scale = scaleOf(rows, isExact);
  const isSqueezed = !scaleOf(rows, false).isToScale;
  const authorOf: AuthorOf = ({ kind, at }) => (kind === "replayed" ? (authors.get(at) ?? null) : null);
  return (
    <section className="panel" aria-label={t`Time line`}>
      <div className="panel-head">
        <h2>
          {t`Time line`}{" "}
          <span className="hint">
            {duration(scale.to - scale.from)},{" "}
            <Plural value={task.history.length} one="# attempt" other="# attempts" />
          </span>
        </h2>
        <div className="actions">
          {view === "bars" && isSqueezed ? (
            <Segments<"readable" | "exact">
              label={t`Scale of the bars`}
              value={isExact ? "exact" : "readable"}
              onChange={(next) => setIsExact(next === "exact")}
              options={[
                { value: "readable", text: t`Readable` },
                { value: "exact", text: t`To scale` },
              ]}
            />
          ) : null}
          <Segments<"bars" | "table">
            label={t`View of the time line`}
            value={view}
            onChange={setView}
            options={[
              { value: "bars", text: t`Bars` },
              { value: "table", text: t`Table` },
            ]}
          />
        </div>
      </div>
      {view === "bars" ? (
        <Bars rows={rows} scale={scale} authorOf={authorOf} />
      ) : (
        <BarTable rows={rows} authorOf={authorOf} />
      )}
    </section>
  );
}

const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;

function Bars({ rows, scale, authorOf }: { rows: BarRow[]; scale: Scale; authorOf: AuthorOf }) {
  const narrow = useNarrow();
  const ticks = ticksOf(rows, scale, narrow ? 0.4 : 0.16);
  const legend = new Map(
    rows.flatMap(({ spans }) => spans.map((span) => [`${span.kind} ${toneOf(span)}`, span] as const)),
  );
  return (
    <div className="panel-body run-bars">
      {rows.map((row) => (
        <div key={row.key} className="run-row">
          <span className="run-label">{row.label}</span>
          <div className="run-track">
            {ticks.map((time) => (
              <span key={time} className="run-line" style={{ left: percent(scale.at(time)) }} />
            ))}
            {row.note === null ? null : <span className="hint">{row.note}</span>}
            {row.spans.map((span) => (
              <Bar key={`${span.kind} ${span.from}`} row={row} span={span} scale={scale} />
            ))}
            {row.moments.map((moment) => (
              <Mark key={moment.kind} moment={moment} scale={scale} author={authorOf(moment)} />
            ))}
          </div>
          <span className="run-took">{tookText(row)}</span>
        </div>
      ))}
      <div className="run-row" aria-hidden="true">
        <span className="run-label" />
        <div className="run-axis">
          <span style={{ left: 0 }}>0</span>
          {ticks.map((time) => (
            <span key={time} style={{ left: percent(scale.at(time)) }}>
              +{duration(time - scale.from)}
            </span>
          ))}
          <span className="run-axis-end">+{duration(scale.to - scale.from)}</span>
        </div>
        <span className="run-took" />
      </div>
      <p className="run-legend hint">
        {[...legend].map(([key, span]) => (
          <span key={key}>
            <i className={`run-swatch tone-${toneOf(span)}`} data-kind={span.kind} aria-hidden="true" />
            {span.attempt === null ? SPAN_LOOK[span.kind].text() : OUTCOME_LOOK[span.attempt.outcome].text()}
          </span>
        ))}
        {scale.isToScale ? null : <span>{t`Not to scale: long times are drawn shorter.`}</span>}
      </p>
    </div>
  );
}

const lengthOf = ({ from, to }: Span): number => to - from;

function tookText({ spans }: BarRow): string {
  const last = spans.at(-1);
  return last === undefined ? "" : duration(lengthOf(last));
}

const openText = ({ until }: Span): string => (until === null ? t`now` : t`now, until ${utcPrecise(until)}`);

function Bar({ row, span, scale }: { row: BarRow; span: Span; scale: Scale }) {
  const { kind, what, from, to, isOpen, attempt } = span;
  const left = scale.at(from);
  const name = `${row.label}: ${plainText(what)} ${duration(to - from)}${isOpen ? t` so far` : ""}${outcomeOf(span)}`;
  const times = t`${utcPrecise(from)} to ${isOpen ? openText(span) : utcPrecise(to)}`;
  const show = () => {
    const shown = row.spans.find((each) => each.attempt !== null)?.attempt;
    const entry = shown ? document.getElementById(entryIdOf(shown)) : null;
    entry?.scrollIntoView({ block: "center" });
    entry?.focus({ preventScroll: true });
  };
  return (
    <TooltipTrigger delay={0} closeDelay={0}>
      <Button
        className={`run-bar tone-${toneOf(span)}`}
        data-kind={kind}
        data-open={isOpen ? "" : undefined}
        aria-label={`${name}, ${times}`}
        style={{ left: percent(left), width: percent(scale.at(to) - left) }}
        onPress={show}
      />
      <Tooltip className="tooltip run-tip">
        <strong>{name}</strong>
        <br />
        {utcPrecise(from)}
        <br />
        {isOpen ? openText(span) : utcPrecise(to)}
        {attempt === null ? null : (
          <>
            <br />
            <ForeignText text={attempt.workerId} />
          </>
        )}
      </Tooltip>
    </TooltipTrigger>
  );
}

function Mark({ moment, scale, author }: { moment: Moment; scale: Scale; author: ReplayAuthor | null }) {
  const text = `${momentText(moment, author)}, ${utcPrecise(moment.at)}`;
  return (
    <TooltipTrigger delay={0} closeDelay={0}>
      <Button
        className="run-mark"
        aria-label={plainText(text)}
        style={{ left: percent(scale.at(moment.at)) }}
      />
      <Tooltip className="tooltip run-tip">
        <ForeignText text={text} />
      </Tooltip>
    </TooltipTrigger>
  );
}

function momentText({ what }: Moment, author: ReplayAuthor | null): string {
  if (author === null) return what;
  const others = plural(author.count - 1, { one: "# other task", other: "# other tasks" });
  const who =
    author.count > 1 ? t`${what} by ${author.actor}, with ${others}` : t`${what} by ${author.actor}`;
  return author.reason === null ? who : `${who}: ${author.reason}`;
}

function BarTable({ rows, authorOf }: { rows: BarRow[]; authorOf: AuthorOf }) {
  return (
    <section className="run-table" aria-label={t`Times, scrollable`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {[t`Row`, t`What`, t`From`, t`To`, t`Took`, t`By`].map((text) => (
              <th key={text} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.flatMap((row) => [
            ...row.spans.map((span) => (
              <tr key={`${row.key} ${span.kind} ${span.from}`}>
                <th scope="row">{row.label}</th>
                <td>
                  <ForeignText text={span.what} />
                  {outcomeOf(span)}
                </td>
                <td className="mono">{utcPrecise(span.from)}</td>
                <td className="mono">{span.isOpen ? openText(span) : utcPrecise(span.to)}</td>
                <td>{duration(lengthOf(span))}</td>
                <td>{span.attempt === null ? null : <ForeignText text={span.attempt.workerId} />}</td>
              </tr>
            )),
            ...row.moments.map((moment) => (
              <tr key={`${row.key} ${moment.kind}`}>
                <th scope="row">{row.label}</th>
                <td>
                  <ForeignText text={momentText(moment, authorOf(moment))} />
                </td>
                <td className="mono">{utcPrecise(moment.at)}</td>
                <td />
                <td />
                <td>
                  <ForeignText text={authorOf(moment)?.actor ?? ""} />
                </td>
              </tr>
            )),
            ...(row.note === null
              ? []
              : [
                  <tr key={row.key}>
                    <th scope="row">{row.label}</th>
                    <td colSpan={5}>{row.note}</td>
                  </tr>,
                ]),
          ])}
        </tbody>
      </table>
    </section>
  );
}

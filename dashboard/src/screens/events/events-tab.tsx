import { type QueueEvent, type QueueStats, TASK_EVENT_TYPES, type TaskEventType } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Pause, Play, TriangleAlert } from "lucide-react";
import { useCallback, useState } from "react";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useQueueStats } from "../../live/use-queue-stats.ts";
import { eventsSearch } from "../../search.ts";
import { useSession } from "../../session/session-context.tsx";
import { KnownSearch } from "../../shell/known-search.tsx";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Failed, Loading, NoneYet } from "../../ui/empty.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Segments } from "../../ui/segments.tsx";
import { Badge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { type RowCells, VirtualList } from "../../ui/virtual-list.tsx";
import { SettingsDialog } from "../queue/settings-dialog.tsx";
import { EVENT_LOOK, eventDetail, gapText } from "./event-look.ts";
import { MOST_ROWS, useEvents } from "./use-events.ts";

const route = getRouteApi("/queues/$queue/events");

/** The most characters of a result in a row. A longer text takes time to lay out, and its end is hidden anyway. */
const SHOWN_CHARACTERS = 300;

export function EventsTab() {
  return (
    <KnownSearch>
      <Events />
    </KnownSearch>
  );
}

function Events() {
  const { queue } = route.useParams();
  const { kind, from } = route.useSearch();
  const { stats } = useQueueStats(queue);
  if (stats === undefined) return <Loading what={t`the events`} />;
  const { maxEvents } = stats.settings;
  return (
    <section className="panel" aria-label={t`Events`}>
      {maxEvents === 0 ? (
        <EventsOff stats={stats} />
      ) : (
        <EventList
          key={JSON.stringify([queue, kind, from])}
          queue={queue}
          kind={kind}
          fromOldest={from === "oldest"}
        />
      )}
    </section>
  );
}

/** Tells the user how to switch events on. */
function EventsOff({ stats }: { stats: QueueStats }) {
  const { denied } = useSession();
  const [editing, setEditing] = useState(false);
  const example = `holdfast queue configure ${stats.queue} --max-events 100000`;
  return (
    <NoneYet title={t`This queue keeps no events`}>
      <p>
        <Trans>
          A queue can keep what happens to its tasks: each enqueue, start, retry and end. Set how many events
          it keeps, 100,000 for example, in its settings or with the command:
        </Trans>
      </p>
      <pre className="text-block">{example}</pre>
      <CopyButton text={example} label={t`Copy`} />
      <Button look="primary" denied={denied("admin", stats.queue)} onPress={() => setEditing(true)}>
        {t`Keep events`}
      </Button>
      {editing ? <SettingsDialog stats={stats} onClose={() => setEditing(false)} /> : null}
    </NoneYet>
  );
}

interface EventListProps {
  queue: string;
  kind: TaskEventType | undefined;
  fromOldest: boolean;
}

function EventList({ queue, kind, fromOldest }: EventListProps) {
  const { paused, setPaused } = useLive();
  const [atTop, setAtTop] = useState(true);
  // New rows would move the rows that the user is looking at. So nothing is read until the user has scrolled back to
  // the top.
  const { rows, phase, error } = useEvents({ queue, kind, fromOldest, reading: !paused && atTop });
  const Cells = useCallback<RowCells<QueueEvent>>(
    ({ value }) => <EventCells event={value} queue={queue} />,
    [queue],
  );
  const status = paused
    ? t`Updates are held`
    : !atTop
      ? t`Updates are held until you are back at the top`
      : phase === "live"
        ? t`Live`
        : phase === "failed"
          ? t`Ended`
          : t`Connecting`;
  return (
    <>
      <div className="list-head">
        <KindSelect kind={kind} fromOldest={fromOldest} />
        <FromChoice kind={kind} fromOldest={fromOldest} />
        <div className="list-head-end">
          <Button small onPress={() => setPaused(!paused)}>
            {paused ? <Play size={13} aria-hidden="true" /> : <Pause size={13} aria-hidden="true" />}
            {paused ? t`Resume updates` : t`Hold updates`}
          </Button>
        </div>
      </div>
      {rows.length > 0 ? (
        <VirtualList
          label={t`Events, newest first`}
          className="events"
          head={[t`When`, t`What`, t`Task`, t`Worker, reason or result`].map((text) => (
            <div key={text} role="columnheader" className="cell">
              {text}
            </div>
          ))}
          rows={rows}
          cardHeight={84}
          rowKey={({ type, cursor }) => `${type} ${cursor}`}
          Cells={Cells}
          onEnd={nothing}
          onAtTop={setAtTop}
        />
      ) : error !== null && !paused ? (
        <Failed error={error} />
      ) : phase === "connecting" && !paused ? (
        <Loading what={t`events`} />
      ) : (
        <NoneYet title={kind === undefined ? t`No events yet` : t`No event “${EVENT_LOOK[kind].text()}” yet`}>
          <p>{t`Events are listed here as they happen.`}</p>
        </NoneYet>
      )}
      <div className="list-foot">
        <span role="status">
          {status}
          {error !== null && rows.length > 0 ? `: ${error.detail}` : ""}
        </span>
        <span>
          <Plural value={rows.length} one="# row" other="# rows" />
          {rows.length === MOST_ROWS ? t`, the newest ${count(MOST_ROWS)}` : ""}
        </span>
      </div>
    </>
  );
}

const nothing = () => {};

function KindSelect({ kind, fromOldest }: Omit<EventListProps, "queue">) {
  const navigate = route.useNavigate();
  return (
    <select
      className="input"
      aria-label={t`Kind of event`}
      value={kind ?? ""}
      onChange={({ target }) =>
        void navigate({
          search: eventsSearch({ kind: target.value, ...(fromOldest ? { from: "oldest" } : {}) }),
        })
      }
    >
      <option value="">{t`Any kind`}</option>
      {TASK_EVENT_TYPES.map((type) => (
        <option key={type} value={type}>
          {EVENT_LOOK[type].text()}
        </option>
      ))}
    </select>
  );
}

function FromChoice({ kind, fromOldest }: Omit<EventListProps, "queue">) {
  const navigate = route.useNavigate();
  return (
    <Segments<"now" | "oldest">
      label={t`Where the list begins`}
      value={fromOldest ? "oldest" : "now"}
      options={[
        { value: "now", text: t`From now on` },
        { value: "oldest", text: t`From the oldest kept` },
      ]}
      onChange={(from) => void navigate({ search: eventsSearch({ kind, from }) })}
    />
  );
}

function EventCells({ event, queue }: { event: QueueEvent; queue: string }) {
  if (event.type === "gap")
    return (
      <div className="cell cell-gap" role="cell">
        <Badge icon={TriangleAlert} tone="warn">
          {gapText(event.missed)}
        </Badge>
      </div>
    );
  const look = EVENT_LOOK[event.type];
  const detail = eventDetail(event);
  return (
    <>
      <div className="cell cell-half" role="cell">
        <Time at={event.at} />
      </div>
      <div className="cell cell-half" role="cell">
        <Badge icon={look.icon} tone={look.tone}>
          {look.text()}
        </Badge>
      </div>
      <div className="cell cell-half clip" role="cell">
        {event.type === "flow_ended" ? (
          <Link className="mono" to="/queues/$queue/flows/$id" params={{ queue, id: event.id }}>
            {event.id}
          </Link>
        ) : (
          <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id: event.id }}>
            {event.id}
          </Link>
        )}
      </div>
      <div className="cell cell-half clip mono soft" role="cell" title={plainText(detail.slice(0, 500))}>
        <ForeignText text={detail.slice(0, SHOWN_CHARACTERS)} />
      </div>
    </>
  );
}

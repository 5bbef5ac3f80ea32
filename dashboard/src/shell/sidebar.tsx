import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import {
  Bell,
  CalendarClock,
  CircleCheckBig,
  Cpu,
  FlaskConical,
  Layers,
  type LucideIcon,
  OctagonX,
  ScrollText,
  Search,
} from "lucide-react";
import { useState } from "react";
import { count } from "../format/number.ts";
import { useLive } from "../live/live-context.tsx";
import { waitingWithoutWorkers } from "../screens/rank.ts";
import { useSession } from "../session/session-context.tsx";
import { Mark } from "../ui/brand.tsx";
import { DensityChoice } from "../ui/density-choice.tsx";
import { LanguageChoice } from "../ui/language-choice.tsx";
import { Segments } from "../ui/segments.tsx";
import { ThemeChoice } from "../ui/theme-choice.tsx";
import { useTimeMode } from "../ui/time.tsx";

const SCREENS: readonly {
  to: "/" | "/tasks" | "/errors" | "/alerts" | "/workers" | "/schedules" | "/operations" | "/audit" | "/load";
  text: () => string;
  icon: LucideIcon;
}[] = [
  { to: "/", text: () => t`Overview`, icon: Layers },
  { to: "/tasks", text: () => t`All tasks`, icon: Search },
  { to: "/errors", text: () => t`Errors`, icon: OctagonX },
  { to: "/alerts", text: () => t`Alerts`, icon: Bell },
  { to: "/operations", text: () => t`Operations`, icon: CircleCheckBig },
  { to: "/schedules", text: () => t`Schedules`, icon: CalendarClock },
  { to: "/workers", text: () => t`Workers`, icon: Cpu },
  { to: "/audit", text: () => t`Audit`, icon: ScrollText },
  { to: "/load", text: () => t`Load`, icon: FlaskConical },
];

/** The most queues in the sidebar. If there are more, users have to search. */
const SHOWN_QUEUES = 30;

export function Sidebar() {
  const { mode, setMode } = useTimeMode();
  const { session } = useSession();
  return (
    <>
      <Link to="/" className="brand">
        <Mark />
        <span>Holdfast</span>{" "}
        {session.environment === null || session.environment === "" ? null : (
          <span className="env" title={t`Environment: ${session.environment}`}>
            {session.environment}
          </span>
        )}
      </Link>
      <nav className="nav" aria-label={t`Main`}>
        {SCREENS.map(({ to, text, icon: Icon }) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/", includeSearch: false }}>
            <Icon size={16} aria-hidden="true" />
            <span className="nav-name">{text()}</span>
            {to === "/operations" ? <RunningCount /> : null}
            {to === "/errors" ? <DeadCount /> : null}
          </Link>
        ))}
      </nav>
      <QueueNav />
      <div className="sidebar-foot">
        <Segments
          label={t`Times`}
          value={mode}
          onChange={setMode}
          options={[
            { value: "relative", text: t`Ago` },
            { value: "utc", text: t`UTC` },
            { value: "local", text: t`Local` },
          ]}
        />
        <div className="sidebar-looks">
          <ThemeChoice />
          <DensityChoice />
        </div>
        <LanguageChoice />
      </div>
    </>
  );
}

function RunningCount() {
  const { figures } = useLive();
  const running = figures.operations.filter(({ state }) => state === "running").length;
  return running === 0 ? null : (
    <span className="nav-count">
      <Trans>{running} running</Trans>
    </span>
  );
}

/** Shows the number of dead letters in all queues, with a dot that is easier to notice than the number. */
function DeadCount() {
  const { figures } = useLive();
  const dead = figures.deadTotal;
  return dead === 0 ? null : (
    <span className="nav-count nav-dead" title={t`${count(dead)} dead letters in all queues`}>
      {count(dead)}
    </span>
  );
}

function QueueNav() {
  const { figures } = useLive();
  const [filter, setFilter] = useState("");
  const queues = [...(figures.queues ?? [])].sort((a, b) => a.queue.localeCompare(b.queue));
  const unworked = new Set(waitingWithoutWorkers(queues, figures.workers).map(({ queue }) => queue));
  const found = queues.filter(({ queue }) => queue.toLowerCase().includes(filter.trim().toLowerCase()));
  if (queues.length === 0) return null;
  return (
    <nav className="nav nav-queues" aria-label={t`Queues`}>
      <p className="nav-heading">{t`Queues`}</p>
      {queues.length > 8 ? (
        <input
          className="input nav-filter"
          type="search"
          aria-label={t`Filter queues`}
          placeholder={t`Filter`}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
      ) : null}
      {found.slice(0, SHOWN_QUEUES).map((stats) => {
        const trouble = stats.paused ? t`paused` : unworked.has(stats.queue) ? t`no workers` : null;
        return (
          <Link key={stats.queue} to="/queues/$queue" params={{ queue: stats.queue }} title={stats.queue}>
            <span className="nav-name">{stats.queue}</span>
            {trouble === null ? null : <span className="nav-trouble">{trouble}</span>}
            <span className="nav-count">{count(stats.pending + stats.processing)}</span>
          </Link>
        );
      })}
      {found.length > SHOWN_QUEUES ? (
        <p className="nav-heading">
          <Trans>{count(found.length - SHOWN_QUEUES)} more: filter, or Ctrl-K</Trans>
        </p>
      ) : null}
      {found.length === 0 ? <p className="nav-heading">{t`No queue matches`}</p> : null}
    </nav>
  );
}

import { Link, Outlet, useParams } from "@tanstack/react-router";
import { Cpu, FlaskConical, Layers } from "lucide-react";
import { count } from "../format/number.ts";
import { useLive } from "../live/live-context.tsx";
import { Segments } from "../ui/segments.tsx";
import { ThemeChoice } from "../ui/theme-choice.tsx";
import { useTimeMode } from "../ui/time.tsx";
import { ToastCards } from "../ui/toast.tsx";
import { ConnectionPill } from "./connection-pill.tsx";
import { OperationCards } from "./operation-cards.tsx";
import { SystemBanners } from "./system-banners.tsx";

export function Shell() {
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Sidebar />
      <div className="main">
        <header className="topbar">
          <Crumbs />
          <ConnectionPill />
        </header>
        <main id="main" className="content" tabIndex={-1}>
          <SystemBanners />
          <Outlet />
        </main>
      </div>
      <div className="dock dock-operations">
        <OperationCards />
      </div>
      <div className="dock">
        <ToastCards />
      </div>
    </div>
  );
}

function Sidebar() {
  const { figures } = useLive();
  const { mode, setMode } = useTimeMode();
  const queues = [...(figures.queues ?? [])].sort((a, b) => a.queue.localeCompare(b.queue));
  return (
    <aside className="sidebar">
      <Link to="/" className="brand" aria-label="Holdfast">
        <Mark />
        <span>Holdfast</span>
      </Link>
      <nav className="nav" aria-label="Main">
        <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
          <Layers size={16} aria-hidden="true" />
          Overview
        </Link>
        <Link to="/workers">
          <Cpu size={16} aria-hidden="true" />
          Workers
        </Link>
        <Link to="/load" activeOptions={{ includeSearch: false }}>
          <FlaskConical size={16} aria-hidden="true" />
          Load
        </Link>
      </nav>
      {queues.length === 0 ? null : (
        <nav className="nav nav-queues" aria-label="Queues">
          <p className="nav-heading">Queues</p>
          {queues.slice(0, 40).map((stats) => (
            <Link key={stats.queue} to="/queues/$queue" params={{ queue: stats.queue }}>
              <span className="nav-name">{stats.queue}</span>
              <span className="nav-count">{count(stats.pending + stats.processing)}</span>
            </Link>
          ))}
        </nav>
      )}
      <div className="sidebar-foot">
        <div className="time-choice">
          <Segments
            label="Times"
            value={mode}
            onChange={setMode}
            options={[
              { value: "relative", text: "Ago" },
              { value: "utc", text: "UTC" },
              { value: "local", text: "Local" },
            ]}
          />
        </div>
        <ThemeChoice />
      </div>
    </aside>
  );
}

function Mark() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path
        d="M10 7v18M22 7v18M10 16h12"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="3.4"
        strokeLinecap="round"
      />
      <circle cx="16" cy="16" r="3.6" fill="var(--accent)" stroke="var(--on-accent)" strokeWidth="2.6" />
    </svg>
  );
}

function Crumbs() {
  const { queue, id } = useParams({ strict: false });
  // Top-level screens are marked in the navigation and say their name in the heading.
  if (queue === undefined) return <div style={{ flex: 1 }} />;
  return (
    <nav aria-label="Breadcrumb" style={{ flex: 1, minWidth: 0 }}>
      <ol className="crumbs">
        <li>
          <Link to="/">Overview</Link>
        </li>
        <li>
          {id === undefined ? (
            <span aria-current="page">{queue}</span>
          ) : (
            <Link to="/queues/$queue" params={{ queue }}>
              {queue}
            </Link>
          )}
        </li>
        {id === undefined ? null : (
          <li>
            <span aria-current="page" className="mono">
              {id}
            </span>
          </li>
        )}
      </ol>
    </nav>
  );
}

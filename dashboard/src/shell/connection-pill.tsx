import { t } from "@lingui/core/macro";
import { Pause, Play, Radio, RefreshCw, TriangleAlert } from "lucide-react";
import { clockTime } from "../format/time.ts";
import type { Connection } from "../live/connection.ts";
import { useLive } from "../live/live-context.tsx";
import { Button } from "../ui/button.tsx";

interface PillLook {
  icon: typeof Radio;
  tone: string;
  text: string;
  spin?: boolean;
}

function pillLook(connection: Connection, paused: boolean): PillLook {
  if (paused) return { icon: Pause, tone: "quiet", text: t`Paused` };
  if (connection.stale && connection.freshAt !== null) {
    return { icon: TriangleAlert, tone: "dead", text: t`Stale since ${clockTime(connection.freshAt)}` };
  }
  switch (connection.phase) {
    case "live":
      return { icon: Radio, tone: "completed", text: t`Live` };
    case "connecting":
      return { icon: RefreshCw, tone: "quiet", text: t`Connecting`, spin: true };
    case "reconnecting":
      return { icon: RefreshCw, tone: "warn", text: t`Reconnecting`, spin: true };
    case "polling":
      return connection.freshAt === null
        ? { icon: TriangleAlert, tone: "dead", text: t`No connection` }
        : { icon: RefreshCw, tone: "warn", text: t`Polling` };
  }
}

export function ConnectionPill() {
  const { connection, paused, setPaused } = useLive();
  const { icon: Icon, tone, text, spin } = pillLook(connection, paused);
  return (
    <div className="actions">
      <span className={`pill tone-${tone}`} role="status" aria-label={t`Connection: ${text}`}>
        <Icon size={13} aria-hidden="true" className={spin === true ? "spin" : undefined} />
        {text}
      </span>
      <Button
        small
        look="quiet"
        aria-label={paused ? t`Resume live updates` : t`Hold live updates`}
        onPress={() => setPaused(!paused)}
      >
        {paused ? <Play size={14} aria-hidden="true" /> : <Pause size={14} aria-hidden="true" />}
      </Button>
    </div>
  );
}

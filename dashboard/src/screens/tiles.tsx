import type { TaskState } from "@holdfast/contracts";
import type { ReactNode } from "react";
import { STATE_LOOK } from "../ui/status.tsx";

export function Tiles({ label, children }: { label: string; children: ReactNode }) {
  return (
    <section aria-label={label}>
      <dl className="tiles">{children}</dl>
    </section>
  );
}

interface TileProps {
  /** The state that gives the tile its icon and colour, and also its label if there is no `name`. */
  state?: TaskState;
  name?: string;
  value: string;
  sub?: ReactNode;
  alarm?: boolean;
}

export function Tile({ state, name, value, sub, alarm = false }: TileProps) {
  const look = state === undefined ? null : STATE_LOOK[state];
  return (
    <div className={`tile${look === null ? "" : ` tone-${look.tone}`}`} data-alarm={alarm ? "" : undefined}>
      <dt>
        {look === null ? null : <look.icon size={14} aria-hidden="true" />}
        {name ?? look?.text()}
      </dt>
      <dd>{value}</dd>
      {sub === undefined ? null : <dd className="sub">{sub}</dd>}
    </div>
  );
}

import type { FlowGroup } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { count } from "../../format/number.ts";
import { withinSentence } from "../../language/texts.tsx";
import { NODE_LOOK } from "./flow-look.tsx";
import { placesOf } from "./layout.ts";

const WIDTH = 190;
const HEIGHT = 54;
const BETWEEN = { columns: 46, rows: 14 };
const EDGE = 12;

/** The order of states that decides the colour of a box: the first state that one of its nodes has. */
const TELLING = [
  "dead",
  "processing",
  "pending",
  "scheduled",
  "waiting",
  "expired",
  "cancelled",
  "skipped",
  "completed",
] as const;

const toneOfGroup = ({ states }: FlowGroup): string =>
  NODE_LOOK[TELLING.find((state) => states.some((each) => each.state === state)) ?? "waiting"].tone;

/** Returns the label of a group of nodes. */
export function groupText({ total, types, type, names }: FlowGroup): string {
  if (total === 1) return names[0] ?? "";
  if (types > 1) return plural(types, { one: "# other type", other: "# other types" });
  return type ?? t`purged tasks`;
}

export const statesText = ({ states }: FlowGroup): string =>
  states.map(({ state, count: of }) => `${count(of)} ${withinSentence(NODE_LOOK[state].text())}`).join(", ");

interface FlowGraphProps {
  queue: string;
  flow: string;
  groups: FlowGroup[];
  /** The name of the node to mark. */
  here?: string;
}

/** Shows the graph of a flow. A table beside it has the same groups, for users who cannot see the graph. */
export function FlowGraphView({ queue, flow, groups, here }: FlowGraphProps) {
  // The positions are computed only if the shape of the graph changes. Most refreshes change only the states.
  const shape = JSON.stringify(groups.map(({ layer, after }) => ({ layer, after })));
  const places = useMemo(() => placesOf(JSON.parse(shape)), [shape]);
  const spots = places.map(({ column, row }) => ({
    x: EDGE + column * (WIDTH + BETWEEN.columns),
    y: EDGE + row * (HEIGHT + BETWEEN.rows),
  }));
  const lines = groups.flatMap(({ after, isOnPath }, to) =>
    after.map((from) => ({ from, to, isOnPath: isOnPath && groups[from]?.isOnPath === true })),
  );
  const width = Math.max(0, ...spots.map(({ x }) => x + WIDTH)) + EDGE;
  const height = Math.max(0, ...spots.map(({ y }) => y + HEIGHT)) + EDGE;
  return (
    // The region can be focused, so that the arrow keys scroll it.
    <section className="flow-graph" aria-label={t`Graph, scrollable`} tabIndex={0}>
      <div className="flow-canvas" style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {lines.map(({ from, to, isOnPath }) => (
            <path
              key={`${from} ${to}`}
              d={lineOf(spots[from], spots[to])}
              data-path={isOnPath ? "" : undefined}
            />
          ))}
        </svg>
        {groups.map((group, at) => (
          <div
            // A group has no id, only its index in the list. The index is a safe key here, because a box has no
            // state.
            key={String(at)}
            className={`flow-box tone-${toneOfGroup(group)}`}
            data-path={group.isOnPath ? "" : undefined}
            data-here={here !== undefined && group.names.includes(here) ? "" : undefined}
            style={{ left: spots[at]?.x, top: spots[at]?.y, width: WIDTH, height: HEIGHT }}
          >
            <GroupBox queue={queue} flow={flow} group={group} />
          </div>
        ))}
      </div>
    </section>
  );
}

function GroupBox({ queue, flow, group }: { queue: string; flow: string; group: FlowGroup }) {
  const { total, type, states, names } = group;
  const text = groupText(group);
  if (total === 1) {
    const { icon: Icon, text: stateText } = NODE_LOOK[states[0]?.state ?? "waiting"];
    return (
      <Link
        to="/queues/$queue/tasks/$id"
        params={{ queue, id: `${flow}.${names[0]}` }}
        title={`${text}: ${type ?? t`purged`}`}
      >
        <span className="flow-box-name clip">{text}</span>
        <span className="flow-box-state clip">
          <Icon size={13} aria-hidden="true" />
          {stateText()} <span className="soft">{type}</span>
        </span>
      </Link>
    );
  }
  return (
    <div title={`${text}: ${statesText(group)}`}>
      <span className="flow-box-name clip">
        {text} <strong>× {count(total)}</strong>
      </span>
      <span className="flow-box-state clip">{statesText(group)}</span>
      <span className="bar bar-parts" aria-hidden="true">
        {states.map(({ state, count: of }) => (
          <span
            key={state}
            className={`tone-${NODE_LOOK[state].tone}`}
            style={{ width: `${(of / total) * 100}%` }}
          />
        ))}
      </span>
    </div>
  );
}

type Spot = { x: number; y: number };

/** Returns the SVG path of a curve from the right side of one box to the left side of another. */
function lineOf(from: Spot | undefined, to: Spot | undefined): string {
  if (from === undefined || to === undefined) return "";
  const [x1, y1] = [from.x + WIDTH, from.y + HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + HEIGHT / 2];
  const bend = Math.max(BETWEEN.columns / 2, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

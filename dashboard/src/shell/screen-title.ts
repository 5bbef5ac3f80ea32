import { plural, t } from "@lingui/core/macro";
import { count } from "../format/number.ts";
import { useLive } from "../live/live-context.tsx";
import type { LiveFigures } from "../live/live-store.ts";
import { SCREENS } from "../screen-facts.ts";
import { waitingWithoutWorkers } from "../screens/rank.ts";
import { useSession } from "../session/session-context.tsx";
import { titleOf, useTitle } from "../ui/title.ts";
import { useScreen } from "./use-screen.ts";

/** Returns the worst problem of a queue, or of all queues; null if there is none. */
export function troubleOf(figures: LiveFigures, queue: string | undefined): string | null {
  if (!figures.redisUp) return t`Redis is down`;
  const queues = (figures.queues ?? []).filter((stats) => queue === undefined || stats.queue === queue);
  const unworked = waitingWithoutWorkers(queues, figures.workers).length;
  const dead = queues.reduce((sum, stats) => sum + stats.dead, 0);
  const troubles = [
    queue !== undefined && queues[0]?.paused === true ? "paused" : null,
    unworked === 0
      ? null
      : queue === undefined
        ? t`${plural(unworked, { one: "# queue", other: "# queues" })} without workers`
        : t`no workers`,
    dead === 0 ? null : t`${count(dead)} dead`,
  ].filter((trouble) => trouble !== null);
  return troubles.length === 0 ? null : troubles.join(", ");
}

/** Sets the title of the page for the present screen and figures. */
export function useScreenTitle(): void {
  const { facts, params } = useScreen();
  const { figures } = useLive();
  const { session } = useSession();
  const { queue, id } = params;
  // The title of the overview and of the screens of a queue names a problem of queues. Titles of other screens,
  // including those of one task, do not.
  const hasTrouble = id === undefined && (queue !== undefined || facts === SCREENS["/"]);
  const trouble = hasTrouble ? troubleOf(figures, queue) : null;
  useTitle(titleOf(facts.title(params), trouble, session.environment));
}

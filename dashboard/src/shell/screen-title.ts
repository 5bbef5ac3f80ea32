import { plural, t } from "@lingui/core/macro";
import { useLive } from "../live/live-context.tsx";
import type { LiveFigures } from "../live/live-store.ts";
import { waitingWithoutWorkers } from "../screens/rank.ts";
import { useSession } from "../session/session-context.tsx";
import { NO_TROUBLE, type Trouble, titleOf, useTitle } from "../ui/title.ts";
import { useScreen } from "./use-screen.ts";

/** Returns the problems of one queue, or of all queues. */
export function troubleOf(figures: LiveFigures, queue: string | undefined): Trouble {
  const queues = (figures.queues ?? []).filter((stats) => queue === undefined || stats.queue === queue);
  const dead = queue === undefined ? figures.deadTotal : (queues[0]?.dead ?? 0);
  if (!figures.redisUp) return { dead, words: t`Redis is down` };
  if (queue !== undefined && queues[0]?.paused === true) return { dead, words: t`paused` };
  const unworked = waitingWithoutWorkers(queues, figures.workers).length;
  if (unworked === 0) return { dead, words: null };
  const words =
    queue === undefined
      ? t`${plural(unworked, { one: "# queue", other: "# queues" })} without workers`
      : t`no workers`;
  return { dead, words };
}

/** Sets the title of the browser tab for the current screen and figures. */
export function useScreenTitle(): void {
  const { facts, params } = useScreen();
  const { figures } = useLive();
  const { session } = useSession();
  const { queue, id } = params;
  const isAboutQueues = id === undefined && (queue !== undefined || facts.allQueues === true);
  const trouble = isAboutQueues ? troubleOf(figures, queue) : NO_TROUBLE;
  useTitle(titleOf(facts.title(params), trouble, session.environment));
}

import { useLocation, useParams } from "@tanstack/react-router";
import { DatabaseZap, ServerOff, TriangleAlert } from "lucide-react";
import { plural } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { useLive, useNow } from "../live/live-context.tsx";
import { waitingWithoutWorkers } from "../screens/rank.ts";
import { Banner } from "../ui/banner.tsx";
import { JanitorBanner } from "./janitor-banner.tsx";

/** Shows problems that concern every screen: Redis or the API is down, or a queue has no workers. */
export function SystemBanners() {
  const { figures, connection, error } = useLive();
  const now = useNow();
  const { queue } = useParams({ strict: false });
  const { pathname } = useLocation();
  const unworked = waitingWithoutWorkers(figures.queues ?? [], figures.workers).filter(
    // The overview shows this problem for all queues. The screens of a queue show it only for their queue.
    (stats) => (queue === undefined ? pathname === "/" : stats.queue === queue),
  );
  return (
    <>
      {figures.redisUp ? null : (
        <Banner icon={DatabaseZap} tone="dead">
          <strong>Redis is down.</strong> The figures are the last known ones
          {figures.sampledAt === null ? "" : `, ${duration(now - figures.sampledAt)} old`}. No task can be
          enqueued or acquired; Redis keeps the accepted tasks. Check that Redis runs and that the services
          can reach it.
        </Banner>
      )}
      {error?.unreachable === true && connection.phase !== "live" && figures.queues !== null ? (
        <Banner icon={ServerOff} tone="dead">
          <strong>{error.detail}</strong> The figures are the last known ones. {error.remedy}
        </Banner>
      ) : null}
      {queue === undefined && pathname !== "/" ? null : (
        <JanitorBanner
          queues={queue === undefined ? (figures.queues ?? []).map((stats) => stats.queue) : [queue]}
        />
      )}
      {unworked.length === 0 ? null : (
        <Banner icon={TriangleAlert} tone="warn">
          <strong>
            Tasks wait, but no worker runs {unworked.length === 1 ? "their queue" : "their queues"}:
          </strong>{" "}
          {unworked
            .slice(0, 5)
            .map((stats) => `${stats.queue} (${plural(stats.pending, "task")})`)
            .join(", ")}
          {unworked.length > 5 ? ` and ${unworked.length - 5} more` : ""}. Start a worker with{" "}
          <code>QUEUES={unworked[0]?.queue}</code>.
        </Banner>
      )}
    </>
  );
}

import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useLocation, useParams } from "@tanstack/react-router";
import { DatabaseZap, ServerOff, TriangleAlert } from "lucide-react";
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
  // Only the queue of the current screen is checked. The overview itself lists all queues without workers.
  const unworked = waitingWithoutWorkers(
    (figures.queues ?? []).filter((stats) => stats.queue === queue),
    figures.workers,
  )[0];
  return (
    <>
      {figures.redisUp ? null : (
        <Banner icon={DatabaseZap} tone="dead">
          <Trans>
            <strong>Redis is down.</strong> The figures are the last known ones
            {figures.sampledAt === null ? "" : t`, ${duration(now - figures.sampledAt)} old`}. No task can be
            enqueued or acquired; Redis keeps the accepted tasks. Check that Redis runs and that the services
            can reach it.
          </Trans>
        </Banner>
      )}
      {error?.unreachable === true && connection.phase !== "live" && figures.queues !== null ? (
        <Banner icon={ServerOff} tone="dead">
          <Trans>
            <strong>{error.detail}</strong> The figures are the last known ones. {error.remedy}
          </Trans>
        </Banner>
      ) : null}
      {queue === undefined && pathname !== "/" ? null : (
        <JanitorBanner
          queues={queue === undefined ? (figures.queues ?? []).map((stats) => stats.queue) : [queue]}
        />
      )}
      {unworked === undefined ? null : (
        <Banner icon={TriangleAlert} tone="warn">
          <Trans>
            <strong>No worker runs this queue.</strong>{" "}
            <Plural value={unworked.pending} one="# task" other="# tasks" /> waiting. Start a worker with{" "}
            <code>QUEUES={unworked.queue}</code>.
          </Trans>
        </Banner>
      )}
    </>
  );
}

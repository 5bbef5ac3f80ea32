import { plural, t } from "@lingui/core/macro";
import { useQuery } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import { ChevronDown, CircleCheck, Flame, type LucideIcon, ServerOff } from "lucide-react";
import { addressOf, type RedisView, redisQuery } from "../api/redis.ts";
import { useLive } from "../live/live-context.tsx";
import { useSession } from "../session/session-context.tsx";
import { Badge } from "../ui/status.tsx";

/** Switches to the dashboard of another Redis. Nothing is shown if the service has only one. */
export function RedisSwitcher() {
  const { session } = useSession();
  return session.redis === null ? null : <Switcher name={session.redis} />;
}

function Switcher({ name }: { name: string }) {
  const { paused } = useLive();
  const { pathname, searchStr } = useLocation();
  const query = useQuery({ ...redisQuery(), refetchInterval: paused ? false : 5_000 });
  const all = query.data?.redis ?? [];
  const from = all.find((redis) => redis.name === name)?.path ?? "";
  const troubled = all.filter((redis) => redis.name !== name && !isWell(redis)).length;
  return (
    <details
      className="redis-switcher"
      onKeyDown={({ key, currentTarget }) => {
        if (key !== "Escape") return;
        currentTarget.open = false;
        currentTarget.querySelector("summary")?.focus();
      }}
      onBlur={({ relatedTarget, currentTarget }) => {
        if (!currentTarget.contains(relatedTarget)) currentTarget.open = false;
      }}
    >
      <summary
        className="button button-plain button-small"
        aria-label={
          troubled === 0
            ? t`Redis shown: ${name}`
            : t`Redis shown: ${name}. Other Redis with problems: ${troubled}`
        }
      >
        <span className={troubled === 0 ? undefined : "redis-troubled"}>{name}</span>
        <ChevronDown size={14} aria-hidden="true" />
      </summary>
      <ul className="redis-list">
        {all.map((redis) => (
          <li key={redis.name}>
            <a
              href={addressOf(redis, from, `${pathname.slice(1)}${searchStr}`)}
              aria-current={redis.name === name ? "page" : undefined}
            >
              <span className="redis-name">{redis.name}</span>
              <Health redis={redis} />
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}

const isWell = ({ isUp, onFire }: RedisView) => isUp && onFire === 0;

function Health({ redis: { isUp, onFire } }: { redis: RedisView }) {
  const [icon, tone, text]: [LucideIcon, string, string] = !isUp
    ? [ServerOff, "dead", t`Cannot be reached`]
    : onFire > 0
      ? [Flame, "warn", plural(onFire, { one: "# queue needs attention", other: "# queues need attention" })]
      : [CircleCheck, "completed", t`OK`];
  return (
    <Badge icon={icon} tone={tone}>
      {text}
    </Badge>
  );
}

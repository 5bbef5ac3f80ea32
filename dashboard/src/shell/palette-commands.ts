import { isTaskId } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { useNavigate } from "@tanstack/react-router";
import { pauseQueue, resumeQueue } from "../api/queues.ts";
import { findTask } from "../api/tasks.ts";
import { count } from "../format/number.ts";
import { chooseLanguage } from "../language/choice.ts";
import { LANGUAGES } from "../language/texts.tsx";
import { useLive } from "../live/live-context.tsx";
import { useSession } from "../session/session-context.tsx";
import { setDensity } from "../ui/density-choice.tsx";
import { LANGUAGE_NAMES } from "../ui/language-choice.tsx";
import { setTheme, type Theme } from "../ui/theme-choice.tsx";
import { type TimeMode, useTimeMode } from "../ui/time.tsx";
import { useToasts } from "../ui/toast.tsx";
import { GO_KEYS } from "./use-shortcuts.ts";

export interface Command {
  id: string;
  text: string;
  hint: string;
  run(): void;
}

const MOST_SHOWN = 12;

const THEME_TEXT: Record<Theme, () => string> = {
  light: () => t`Theme: light`,
  dark: () => t`Theme: dark`,
  system: () => t`Theme: system`,
};
const TIME_TEXT: Record<TimeMode, () => string> = {
  relative: () => t`Times: ago`,
  utc: () => t`Times: UTC`,
  local: () => t`Times: local`,
};

/** Returns the commands that match a query, best first. The last one searches for a task whose id is the query. */
export function usePaletteCommands(query: string, onHelp: () => void): Command[] {
  const shown = matching(useCommands(query.trim(), onHelp), query).slice(0, MOST_SHOWN);
  const lookUp = useLookUp(query.trim());
  return lookUp === null ? shown : [...shown, lookUp];
}

/** Returns the commands that contain every word of the query: `pau em` finds "Pause emails". */
function matching<T extends { text: string; hint: string }>(commands: readonly T[], query: string): T[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return commands.filter(({ text, hint }) => {
    const all = `${text} ${hint}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

function useCommands(query: string, onHelp: () => void): Command[] {
  const navigate = useNavigate();
  const { figures, paused, setPaused } = useLive();
  const { denied } = useSession();
  const { setMode } = useTimeMode();
  const { say, fail } = useToasts();
  const screens = Object.entries(GO_KEYS)
    .filter(([, { to }]) => !to.includes("$queue"))
    .map(([key, { text, to }]) => ({
      id: `go:${to}`,
      text: to === "/" ? t`Overview` : text(),
      hint: t`screen, g ${key}`,
      run: () => void navigate({ to }),
    }));
  const queues = (figures.queues ?? []).flatMap((stats): Command[] => {
    const { queue } = stats;
    const params = { queue };
    const open: Command[] = [
      {
        id: `queue:${queue}`,
        text: queue,
        hint: t`queue, ${count(stats.pending)} pending`,
        run: () => void navigate({ to: "/queues/$queue", params }),
      },
    ];
    // Without a query, the list leaves out the commands of the queues, because they would fill it.
    if (query === "") return open;
    open.push(
      {
        id: `tasks:${queue}`,
        text: t`Tasks of ${queue}`,
        hint: t`screen`,
        run: () => void navigate({ to: "/queues/$queue/tasks", params }),
      },
      {
        id: `dead:${queue}`,
        text: t`Dead letters of ${queue}`,
        hint: t`screen, ${count(stats.dead)} dead`,
        run: () => void navigate({ to: "/queues/$queue/dead-letters", params }),
      },
      {
        id: `flows:${queue}`,
        text: t`Flows of ${queue}`,
        hint: t`screen`,
        run: () => void navigate({ to: "/queues/$queue/flows", params }),
      },
      {
        id: `limits:${queue}`,
        text: t`Limits of ${queue}`,
        hint: t`screen`,
        run: () => void navigate({ to: "/queues/$queue/limits", params }),
      },
      {
        id: `events:${queue}`,
        text: t`Events of ${queue}`,
        hint: t`screen`,
        run: () => void navigate({ to: "/queues/$queue/events", params }),
      },
    );
    if (denied("control", queue) !== null) return open;
    open.push(
      stats.paused
        ? {
            id: `resume:${queue}`,
            text: t`Resume ${queue}`,
            hint: t`command`,
            run: () =>
              void resumeQueue(queue).then(
                () => say(() => t`${queue} resumed`),
                (error: unknown) => fail(() => t`The queue was not resumed`, error),
              ),
          }
        : {
            id: `pause:${queue}`,
            text: t`Pause ${queue}`,
            hint: t`command`,
            run: () =>
              void pauseQueue(queue, "").then(
                () => say(() => t`${queue} paused`),
                (error: unknown) => fail(() => t`The queue was not paused`, error),
              ),
          },
    );
    return open;
  });
  const choices: Command[] = [
    {
      id: "live",
      text: paused ? t`Resume live updates` : t`Hold live updates`,
      hint: t`command`,
      run: () => setPaused(!paused),
    },
    ...(["light", "dark", "system"] as const).map((theme) => ({
      id: `theme:${theme}`,
      text: THEME_TEXT[theme](),
      hint: t`command`,
      run: () => setTheme(theme),
    })),
    ...(["compact", "comfortable"] as const).map((density) => ({
      id: `density:${density}`,
      text: density === "compact" ? t`Density: compact` : t`Density: comfortable`,
      hint: t`command`,
      run: () => setDensity(density),
    })),
    ...(["relative", "utc", "local"] as const).map((mode) => ({
      id: `time:${mode}`,
      text: TIME_TEXT[mode](),
      hint: t`command`,
      run: () => setMode(mode),
    })),
    ...LANGUAGES.map((language) => ({
      id: `language:${language}`,
      text: t`Language: ${LANGUAGE_NAMES[language]}`,
      hint: t`command`,
      run: () =>
        void chooseLanguage(language).catch((error: unknown) =>
          fail(() => t`The language could not be loaded`, error),
        ),
    })),
    { id: "help", text: t`Keyboard shortcuts`, hint: "?", run: onHelp },
  ];
  return [...queues, ...screens, ...choices];
}

/**
 * Returns a command that opens a task. The query contains a queue and an id, or only an id, which is then searched in
 * every queue.
 */
function useLookUp(query: string): Command | null {
  const navigate = useNavigate();
  const { figures } = useLive();
  const { say, fail } = useToasts();
  if (query.length < 3 || !isTaskId(query)) return null;
  const names = (figures.queues ?? []).map(({ queue }) => queue);
  const [first = ""] = names;
  return {
    id: `task:${query}`,
    text: t`Open task ${query}`,
    hint: names.length === 1 ? t`looks in ${first}` : t`looks in ${names.length} queues`,
    run: () =>
      void findTask(names, query).then(
        (queue) => {
          if (queue === null) say(() => t`No queue has a task ${query}`);
          else void navigate({ to: "/queues/$queue/tasks/$id", params: { queue, id: query } });
        },
        (error: unknown) => fail(() => t`The task could not be read`, error),
      ),
  };
}

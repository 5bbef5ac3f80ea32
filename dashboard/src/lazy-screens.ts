import { t } from "@lingui/core/macro";
import { type LazyPart, lazyPart } from "./ui/lazy-part.tsx";

/**
 * The type is written out, because the compiler cannot infer it: screens use the types of the routes, and routes use
 * the screens.
 */
type Screen = LazyPart<object>;

export const LoadPage: Screen = lazyPart(
  async () => (await import("./screens/load-page.tsx")).LoadPage,
  () => t`the screen Load`,
);

export const AllTasksPage: Screen = lazyPart(
  async () => (await import("./screens/search/all-tasks-page.tsx")).AllTasksPage,
  () => t`the screen All tasks`,
);

export const ErrorsPage: Screen = lazyPart(
  async () => (await import("./screens/errors/errors-page.tsx")).ErrorsPage,
  () => t`the screen Errors`,
);

export const AlertsPage: Screen = lazyPart(
  async () => (await import("./screens/alerts/alerts-page.tsx")).AlertsPage,
  () => t`the screen Alerts`,
);

export const WorkersPage: Screen = lazyPart(
  async () => (await import("./screens/workers/workers-page.tsx")).WorkersPage,
  () => t`the screen Workers`,
);

export const OperationsPage: Screen = lazyPart(
  async () => (await import("./screens/operations/operations-page.tsx")).OperationsPage,
  () => t`the screen Operations`,
);

export const SchedulesPage: Screen = lazyPart(
  async () => (await import("./screens/schedules/schedules-page.tsx")).SchedulesPage,
  () => t`the screen Schedules`,
);

export const AuditPage: Screen = lazyPart(
  async () => (await import("./screens/audit/audit-page.tsx")).AuditPage,
  () => t`the screen Audit`,
);

export const QueueLayout: Screen = lazyPart(
  async () => (await import("./screens/queue/queue-layout.tsx")).QueueLayout,
  () => t`the screen of the queue`,
);

export const QueueOverview: Screen = lazyPart(
  async () => (await import("./screens/queue/queue-overview.tsx")).QueueOverview,
  () => t`the overview of the queue`,
);

export const TasksTab: Screen = lazyPart(
  async () => (await import("./screens/tasks/tasks-tab.tsx")).TasksTab,
  () => t`the list of tasks`,
);

export const DeadLettersTab: Screen = lazyPart(
  async () => (await import("./screens/dead-letters/dead-letters-tab.tsx")).DeadLettersTab,
  () => t`the dead letters`,
);

export const LimitsTab: Screen = lazyPart(
  async () => (await import("./screens/limits/limits-tab.tsx")).LimitsTab,
  () => t`the limits of the queue`,
);

export const EventsTab: Screen = lazyPart(
  async () => (await import("./screens/events/events-tab.tsx")).EventsTab,
  () => t`the events of the queue`,
);

export const FlowsTab: Screen = lazyPart(
  async () => (await import("./screens/flows/flows-tab.tsx")).FlowsTab,
  () => t`the flows of the queue`,
);

export const FlowPage: Screen = lazyPart(
  async () => (await import("./screens/flows/flow-page.tsx")).FlowPage,
  () => t`the screen of the flow`,
);

export const TaskPage: Screen = lazyPart(
  async () => (await import("./screens/tasks/task-page.tsx")).TaskPage,
  () => t`the screen of the task`,
);

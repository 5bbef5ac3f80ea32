import { type LazyPart, lazyPart } from "./ui/lazy-part.tsx";

/**
 * The type is written out, because the compiler cannot infer it: the screens use the types of the routes, and the
 * routes name the screens.
 */
type Screen = LazyPart<object>;

export const LoadPage: Screen = lazyPart(
  async () => (await import("./screens/load-page.tsx")).LoadPage,
  "the screen Load",
);

export const ErrorsPage: Screen = lazyPart(
  async () => (await import("./screens/errors/errors-page.tsx")).ErrorsPage,
  "the screen Errors",
);

export const WorkersPage: Screen = lazyPart(
  async () => (await import("./screens/workers/workers-page.tsx")).WorkersPage,
  "the screen Workers",
);

export const OperationsPage: Screen = lazyPart(
  async () => (await import("./screens/operations/operations-page.tsx")).OperationsPage,
  "the screen Operations",
);

export const SchedulesPage: Screen = lazyPart(
  async () => (await import("./screens/schedules/schedules-page.tsx")).SchedulesPage,
  "the screen Schedules",
);

export const AuditPage: Screen = lazyPart(
  async () => (await import("./screens/audit/audit-page.tsx")).AuditPage,
  "the screen Audit",
);

export const QueueLayout: Screen = lazyPart(
  async () => (await import("./screens/queue/queue-layout.tsx")).QueueLayout,
  "the screen of the queue",
);

export const QueueOverview: Screen = lazyPart(
  async () => (await import("./screens/queue/queue-overview.tsx")).QueueOverview,
  "the overview of the queue",
);

export const TasksTab: Screen = lazyPart(
  async () => (await import("./screens/tasks/tasks-tab.tsx")).TasksTab,
  "the list of tasks",
);

export const DeadLettersTab: Screen = lazyPart(
  async () => (await import("./screens/dead-letters/dead-letters-tab.tsx")).DeadLettersTab,
  "the dead letters",
);

export const LimitsTab: Screen = lazyPart(
  async () => (await import("./screens/limits/limits-tab.tsx")).LimitsTab,
  "the limits of the queue",
);

export const EventsTab: Screen = lazyPart(
  async () => (await import("./screens/events/events-tab.tsx")).EventsTab,
  "the events of the queue",
);

export const FlowsTab: Screen = lazyPart(
  async () => (await import("./screens/flows/flows-tab.tsx")).FlowsTab,
  "the flows of the queue",
);

export const FlowPage: Screen = lazyPart(
  async () => (await import("./screens/flows/flow-page.tsx")).FlowPage,
  "the screen of the flow",
);

export const TaskPage: Screen = lazyPart(
  async () => (await import("./screens/tasks/task-page.tsx")).TaskPage,
  "the screen of the task",
);

import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { BASE_PATH } from "./api/base.ts";
import {
  AlertsPage,
  AllTasksPage,
  AuditPage,
  DeadLettersTab,
  ErrorsPage,
  EventsTab,
  FlowPage,
  FlowsTab,
  LimitsTab,
  LoadPage,
  OperationsPage,
  QueueLayout,
  QueueOverview,
  SchedulesPage,
  TaskPage,
  TasksTab,
  WorkersPage,
} from "./lazy-screens.ts";
import { SCREENS } from "./screen-facts.ts";
import { OverviewPage } from "./screens/overview-page.tsx";
import { NotFound, RouteFailed } from "./screens/route-fallbacks.tsx";
import { Shell } from "./shell/shell.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: RouteFailed });

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: SCREENS["/"].search,
  component: OverviewPage,
});

const load = createRoute({
  getParentRoute: () => root,
  path: "/load",
  validateSearch: SCREENS["/load"].search,
  component: LoadPage,
});

const allTasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks",
  validateSearch: SCREENS["/tasks"].search,
  component: AllTasksPage,
});

const errors = createRoute({
  getParentRoute: () => root,
  path: "/errors",
  validateSearch: SCREENS["/errors"].search,
  component: ErrorsPage,
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  component: AlertsPage,
});

const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: WorkersPage,
});

const operations = createRoute({
  getParentRoute: () => root,
  path: "/operations",
  validateSearch: SCREENS["/operations"].search,
  component: OperationsPage,
});

const schedules = createRoute({
  getParentRoute: () => root,
  path: "/schedules",
  validateSearch: SCREENS["/schedules"].search,
  component: SchedulesPage,
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  validateSearch: SCREENS["/audit"].search,
  component: AuditPage,
});

const queues = createRoute({
  getParentRoute: () => root,
  path: "/queues",
  beforeLoad: () => {
    throw redirect({ to: "/" });
  },
});

const queue = createRoute({
  getParentRoute: () => root,
  path: "/queues/$queue",
  component: QueueLayout,
});

const queueOverview = createRoute({
  getParentRoute: () => queue,
  path: "/",
  validateSearch: SCREENS["/queues/$queue/"].search,
  component: QueueOverview,
});

const tasks = createRoute({
  getParentRoute: () => queue,
  path: "/tasks",
  validateSearch: SCREENS["/queues/$queue/tasks"].search,
  component: TasksTab,
});

const deadLetters = createRoute({
  getParentRoute: () => queue,
  path: "/dead-letters",
  validateSearch: SCREENS["/queues/$queue/dead-letters"].search,
  component: DeadLettersTab,
});

const limits = createRoute({
  getParentRoute: () => queue,
  path: "/limits",
  validateSearch: SCREENS["/queues/$queue/limits"].search,
  component: LimitsTab,
});

const events = createRoute({
  getParentRoute: () => queue,
  path: "/events",
  validateSearch: SCREENS["/queues/$queue/events"].search,
  component: EventsTab,
});

const flows = createRoute({
  getParentRoute: () => queue,
  path: "/flows",
  component: FlowsTab,
});

const flow = createRoute({
  getParentRoute: () => root,
  path: "/queues/$queue/flows/$id",
  component: FlowPage,
});

const task = createRoute({
  getParentRoute: () => root,
  path: "/queues/$queue/tasks/$id",
  component: TaskPage,
});

export const routeTree = root.addChildren([
  overview,
  load,
  allTasks,
  errors,
  alerts,
  workers,
  operations,
  schedules,
  audit,
  queues,
  queue.addChildren([queueOverview, tasks, deadLetters, flows, limits, events]),
  flow,
  task,
]);

export const router = createRouter({
  routeTree,
  basepath: BASE_PATH || "/",
  scrollRestoration: true,
  defaultPreload: "intent",
  // If a screen fails, the error replaces only that screen. The frame around it stays.
  defaultErrorComponent: RouteFailed,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

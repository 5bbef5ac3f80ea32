import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { BASE_PATH } from "./api/base.ts";
import {
  AuditPage,
  DeadLettersTab,
  LoadPage,
  OperationsPage,
  QueueLayout,
  QueueOverview,
  SchedulesPage,
  TaskPage,
  TasksTab,
  WorkersPage,
} from "./lazy-screens.ts";
import { OverviewPage } from "./screens/overview-page.tsx";
import { NotFound, RouteFailed } from "./screens/route-fallbacks.tsx";
import {
  auditSearch,
  deadLettersSearch,
  loadSearch,
  operationsSearch,
  overviewSearch,
  queueSearch,
  schedulesSearch,
  tasksSearch,
} from "./search.ts";
import { Shell } from "./shell/shell.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: RouteFailed });

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: overviewSearch,
  component: OverviewPage,
});

const load = createRoute({
  getParentRoute: () => root,
  path: "/load",
  validateSearch: loadSearch,
  component: LoadPage,
});

const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: WorkersPage,
});

const operations = createRoute({
  getParentRoute: () => root,
  path: "/operations",
  validateSearch: operationsSearch,
  component: OperationsPage,
});

const schedules = createRoute({
  getParentRoute: () => root,
  path: "/schedules",
  validateSearch: schedulesSearch,
  component: SchedulesPage,
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  validateSearch: auditSearch,
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
  validateSearch: queueSearch,
  component: QueueOverview,
});

const tasks = createRoute({
  getParentRoute: () => queue,
  path: "/tasks",
  validateSearch: tasksSearch,
  component: TasksTab,
});

const deadLetters = createRoute({
  getParentRoute: () => queue,
  path: "/dead-letters",
  validateSearch: deadLettersSearch,
  component: DeadLettersTab,
});

const task = createRoute({
  getParentRoute: () => root,
  path: "/queues/$queue/tasks/$id",
  component: TaskPage,
});

export const routeTree = root.addChildren([
  overview,
  load,
  workers,
  operations,
  schedules,
  audit,
  queues,
  queue.addChildren([queueOverview, tasks, deadLetters]),
  task,
]);

export const router = createRouter({
  routeTree,
  basepath: BASE_PATH || "/",
  scrollRestoration: true,
  defaultPreload: "intent",
  // A screen that fails leaves the frame around it standing.
  defaultErrorComponent: RouteFailed,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

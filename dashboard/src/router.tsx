import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { BASE_PATH } from "./api/base.ts";
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
  component: lazyRouteComponent(() => import("./screens/load-page.tsx"), "LoadPage"),
});

const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: lazyRouteComponent(() => import("./screens/workers/workers-page.tsx"), "WorkersPage"),
});

const operations = createRoute({
  getParentRoute: () => root,
  path: "/operations",
  validateSearch: operationsSearch,
  component: lazyRouteComponent(() => import("./screens/operations/operations-page.tsx"), "OperationsPage"),
});

const schedules = createRoute({
  getParentRoute: () => root,
  path: "/schedules",
  validateSearch: schedulesSearch,
  component: lazyRouteComponent(() => import("./screens/schedules/schedules-page.tsx"), "SchedulesPage"),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import("./screens/audit/audit-page.tsx"), "AuditPage"),
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
  component: lazyRouteComponent(() => import("./screens/queue/queue-layout.tsx"), "QueueLayout"),
});

const queueOverview = createRoute({
  getParentRoute: () => queue,
  path: "/",
  validateSearch: queueSearch,
  component: lazyRouteComponent(() => import("./screens/queue/queue-overview.tsx"), "QueueOverview"),
});

const tasks = createRoute({
  getParentRoute: () => queue,
  path: "/tasks",
  validateSearch: tasksSearch,
  component: lazyRouteComponent(() => import("./screens/tasks/tasks-tab.tsx"), "TasksTab"),
});

const deadLetters = createRoute({
  getParentRoute: () => queue,
  path: "/dead-letters",
  validateSearch: deadLettersSearch,
  component: lazyRouteComponent(
    () => import("./screens/dead-letters/dead-letters-tab.tsx"),
    "DeadLettersTab",
  ),
});

const task = createRoute({
  getParentRoute: () => root,
  path: "/queues/$queue/tasks/$id",
  component: lazyRouteComponent(() => import("./screens/tasks/task-page.tsx"), "TaskPage"),
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

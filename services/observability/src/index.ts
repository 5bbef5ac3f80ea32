/** The public functions for apps that show the dashboard below a path of their own (docs/embedding.md). */
export type { DashboardApp, ExpressApp, FastifyApp } from "./embed/apps.ts";
export type { Authorize, DashboardRequest, Person } from "./embed/authorize.ts";
export { type MountedDashboard, type MountOptions, mountDashboard } from "./embed/mount.ts";

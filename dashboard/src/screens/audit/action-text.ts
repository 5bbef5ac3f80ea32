import type { AuditAction } from "../../api/audit.ts";

export const ACTION_TEXT: Record<AuditAction, string> = {
  "queue.pause": "Pause queue",
  "queue.resume": "Resume queue",
  "queue.configure": "Change settings",
  "queue.partition": "Set partitions",
  "queue.limits": "Set limits",
  "queue.hold": "Hold",
  "queue.key_limit": "Set the limit of a key",
  "limit.share": "Share a limit",
  "limit.unshare": "End a shared limit",
  "queue.empty": "Empty queue",
  "queue.delete": "Delete queue",
  "queue.burst": "Run a burst",
  "queue.repair": "Repair indexes",
  "dead_letters.replay": "Replay dead letters",
  "dead_letters.discard": "Discard dead letters",
  "task.enqueue": "Enqueue a task",
  "task.enqueue_batch": "Enqueue tasks",
  "task.cancel": "Cancel a task",
  "task.change": "Change waiting tasks",
  "flow.create": "Create a flow",
  "flow.add": "Add nodes to a flow",
  "flow.seal": "Seal a flow",
  "flow.cancel": "Cancel a flow",
  "task.export": "Export tasks",
  "payload.read": "Read payloads",
  "operation.pause": "Pause operation",
  "operation.resume": "Resume operation",
  "operation.cancel": "Cancel operation",
  "operation.undo": "Undo a discard",
  "schedule.put": "Write schedule",
  "schedule.delete": "Delete schedule",
  "schedule.run": "Run schedule now",
  "schedule.pause": "Pause schedule",
  "schedule.resume": "Resume schedule",
  "worker.drain": "Drain worker",
  "worker.resume": "Resume worker",
  "key.create": "Create key",
  "key.revoke": "Revoke key",
  "session.log_in": "Log in",
  "session.log_out": "Log out",
  "audit.export": "Export the audit log",
};

/**
 * Describes an action. An action that this page does not know yet is shown by its name: `key.create` as `key: create`.
 */
export const actionText = (action: string): string =>
  ACTION_TEXT[action as AuditAction] ?? action.replaceAll("_", " ").replace(".", ": ");

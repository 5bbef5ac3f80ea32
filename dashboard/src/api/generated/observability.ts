// Made by scripts/api-types/generate.mjs of the OpenAPI document of observability. Do not edit.
export interface paths {
    "/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who did what, newest first
         * @description Operator actions of all processes and of the command line, kept in Redis up to a bound.
         */
        get: {
            parameters: {
                query?: {
                    action?: "queue.pause" | "queue.resume" | "queue.configure" | "queue.empty" | "queue.delete" | "queue.burst" | "queue.repair" | "dead_letters.replay" | "dead_letters.discard" | "task.enqueue" | "task.enqueue_batch" | "task.cancel" | "task.export" | "payload.read" | "operation.pause" | "operation.resume" | "operation.cancel" | "operation.undo" | "schedule.put" | "schedule.delete" | "schedule.run" | "schedule.pause" | "schedule.resume" | "worker.drain" | "worker.resume" | "key.create" | "key.revoke" | "session.log_in" | "session.log_out" | "audit.export";
                    actor?: string;
                    /** @description `cursor` of the page before */
                    cursor?: string;
                    /** @description At this time or later, ms since the epoch */
                    from?: number;
                    limit?: number;
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue?: string;
                    /** @description Before this time, ms since the epoch */
                    to?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description With a filter a page can be short or empty before the end: go on while `cursor` is not null */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            cursor: string | null;
                            /** @description Newest first */
                            records: {
                                /** @enum {string} */
                                action: "queue.pause" | "queue.resume" | "queue.configure" | "queue.empty" | "queue.delete" | "queue.burst" | "queue.repair" | "dead_letters.replay" | "dead_letters.discard" | "task.enqueue" | "task.enqueue_batch" | "task.cancel" | "task.export" | "payload.read" | "operation.pause" | "operation.resume" | "operation.cancel" | "operation.undo" | "schedule.put" | "schedule.delete" | "schedule.run" | "schedule.pause" | "schedule.resume" | "worker.drain" | "worker.resume" | "key.create" | "key.revoke" | "session.log_in" | "session.log_out" | "audit.export";
                                /** @description Label of the key, name of the user of the command, or anonymous */
                                actor: string;
                                /** @description When, ms since the epoch */
                                at: number;
                                clientRequestId: string | null;
                                code: string | null;
                                /** @description Tasks that it touched, showed or exported; records of an export of the audit log; refused log-ins that this record stands for */
                                count: number;
                                /** @description Address that the request came from, or cli@host */
                                from: string;
                                keyId: string | null;
                                operationId: string | null;
                                /** @enum {string} */
                                outcome: "succeeded" | "accepted" | "refused" | "failed" | "cancelled";
                                queue: string | null;
                                reason: string | null;
                                /** @description Made by the service; `cli-<pid>` of the command */
                                requestId: string;
                                role: ("viewer" | "operator" | "admin") | null;
                                subject: string | null;
                            }[];
                            /** @description Records looked at for this page */
                            scanned: number;
                            /** @description Records kept */
                            total: number;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The audit log as NDJSON, oldest first */
        get: {
            parameters: {
                query?: {
                    action?: "queue.pause" | "queue.resume" | "queue.configure" | "queue.empty" | "queue.delete" | "queue.burst" | "queue.repair" | "dead_letters.replay" | "dead_letters.discard" | "task.enqueue" | "task.enqueue_batch" | "task.cancel" | "task.export" | "payload.read" | "operation.pause" | "operation.resume" | "operation.cancel" | "operation.undo" | "schedule.put" | "schedule.delete" | "schedule.run" | "schedule.pause" | "schedule.resume" | "worker.drain" | "worker.resume" | "key.create" | "key.revoke" | "session.log_in" | "session.log_out" | "audit.export";
                    actor?: string;
                    /** @description At this time or later, ms since the epoch */
                    from?: number;
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue?: string;
                    /** @description Before this time, ms since the epoch */
                    to?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/x-ndjson": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/x-ndjson": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description A record per line */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/x-ndjson": string;
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List operations, newest first
         * @description Redis keeps all open operations and the newest 500 that have ended.
         */
        get: {
            parameters: {
                query?: {
                    /** @description `cursor` of the page before */
                    cursor?: string;
                    limit?: number;
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue?: string;
                    state?: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            cursor: string | null;
                            /** @description Newest first */
                            operations: {
                                /** @description Who asked for it */
                                actor: string;
                                canary: {
                                    /** @description Of them: completed so far */
                                    completed: number;
                                    detail: string | null;
                                    /** @description How many go first */
                                    size: number;
                                    /** @enum {string} */
                                    state: "waiting" | "running" | "passed" | "stopped";
                                    /** @description Those that went first */
                                    taskIds: string[];
                                    /** @description How long they may take */
                                    waitMs: number;
                                } | null;
                                /** @description Tasks dealt with, those that were skipped included */
                                done: number;
                                endedAt: number | null;
                                error: string | null;
                                /** @description Tasks that it could not move, see /failures */
                                failures: number;
                                id: string;
                                /** @enum {string} */
                                kind: "replay" | "discard" | "restore" | "empty" | "burst";
                                queue: string;
                                ratePerSecond: number | null;
                                reason: string | null;
                                /** @description Counts, such as replayed and skipped */
                                result: {
                                    [key: string]: number;
                                };
                                /** @description Start, ms since the epoch */
                                startedAt: number;
                                /** @enum {string} */
                                state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                                to: string | null;
                                /** @description Tasks that it is about, as far as it has counted them */
                                total: number;
                                undoes: string | null;
                                undoneAt: number | null;
                                undoUntil: number | null;
                            }[];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Progress of an operation */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel an operation
         * @description It ends after the present batch. Finished batches are not undone.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/failures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tasks that an operation could not move */
        get: {
            parameters: {
                query?: {
                    /** @description `cursor` of the page before */
                    cursor?: string;
                    limit?: number;
                };
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            cursor: string | null;
                            /** @description Oldest first; the first 1,000 are kept */
                            failures: {
                                /** @description When, ms since the epoch */
                                at: number;
                                /** @description not_dead | not_found | not_discarded | canary_failed, or the code of an error */
                                code: string;
                                detail: string;
                                /** @description Of the task */
                                id: string;
                            }[];
                            /** @description How many there were */
                            total: number;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pause an operation */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go on with a paused operation */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/operations/{id}/undo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Undo a discard: an operation puts the tasks back */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List queues
         * @description Present counts of every queue, and its rates over the last seconds.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            queues: {
                                /** @description Redis time of the counts, ms since the epoch */
                                at: number;
                                cancelled: number;
                                /** @description Kept records; totals.acked counts all */
                                completed: number;
                                dead: number;
                                expired: number;
                                oldestPendingAgeMs: number;
                                paused: boolean;
                                pausedAt: number | null;
                                pausedBy: string | null;
                                pauseReason: string | null;
                                pending: number;
                                pendingByPriority: {
                                    high: number;
                                    low: number;
                                    normal: number;
                                };
                                /** @description Of the pending ones: tasks that have to run alone */
                                pendingSolo: number;
                                /** @description Of the pending ones: tasks that stand aside for a worker that has a handler for their type */
                                pendingTyped: number;
                                processing: number;
                                queue: string;
                                scheduled: number;
                                settings: {
                                    /** @enum {string} */
                                    durability: "memory" | "fsynced" | "replicated";
                                    /** @description How long an id given by a caller is remembered after the task ended, ms */
                                    idempotencyMs: number;
                                    /** @description Most tasks waiting before enqueues are refused; 0: no cap */
                                    maxWaiting: number;
                                    /** @description How many of each are kept at most */
                                    retentionCount: number;
                                    /** @description How long completed, cancelled and expired tasks are kept, ms */
                                    retentionMs: number;
                                };
                                totals: {
                                    acked: number;
                                    attempts: number;
                                    cancelled: number;
                                    crashed: number;
                                    deadLettered: number;
                                    deduplicated: number;
                                    enqueued: number;
                                    expired: number;
                                    failed: number;
                                    promoted: number;
                                    purged: number;
                                    released: number;
                                    replayed: number;
                                    retried: number;
                                    stale: number;
                                };
                            }[];
                            /** @description By name of the queue; missing until two samples exist */
                            rates: {
                                [key: string]: {
                                    attemptsPerSecond: number;
                                    completedPerSecond: number;
                                    deadLetteredPerSecond: number;
                                    drainSeconds: number | null;
                                    enqueuedPerSecond: number;
                                    failedPerSecond: number;
                                    retriedPerSecond: number;
                                };
                            };
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counts of one queue */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Redis time of the counts, ms since the epoch */
                            at: number;
                            cancelled: number;
                            /** @description Kept records; totals.acked counts all */
                            completed: number;
                            dead: number;
                            expired: number;
                            oldestPendingAgeMs: number;
                            paused: boolean;
                            pausedAt: number | null;
                            pausedBy: string | null;
                            pauseReason: string | null;
                            pending: number;
                            pendingByPriority: {
                                high: number;
                                low: number;
                                normal: number;
                            };
                            /** @description Of the pending ones: tasks that have to run alone */
                            pendingSolo: number;
                            /** @description Of the pending ones: tasks that stand aside for a worker that has a handler for their type */
                            pendingTyped: number;
                            processing: number;
                            queue: string;
                            scheduled: number;
                            settings: {
                                /** @enum {string} */
                                durability: "memory" | "fsynced" | "replicated";
                                /** @description How long an id given by a caller is remembered after the task ended, ms */
                                idempotencyMs: number;
                                /** @description Most tasks waiting before enqueues are refused; 0: no cap */
                                maxWaiting: number;
                                /** @description How many of each are kept at most */
                                retentionCount: number;
                                /** @description How long completed, cancelled and expired tasks are kept, ms */
                                retentionMs: number;
                            };
                            totals: {
                                acked: number;
                                attempts: number;
                                cancelled: number;
                                crashed: number;
                                deadLettered: number;
                                deduplicated: number;
                                enqueued: number;
                                expired: number;
                                failed: number;
                                promoted: number;
                                purged: number;
                                released: number;
                                replayed: number;
                                retried: number;
                                stale: number;
                            };
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /**
         * Delete a queue with everything in it
         * @description This cannot be undone. The queue must be paused and none of its tasks running.
         */
        delete: {
            parameters: {
                query: {
                    /** @description The name of the queue, typed again */
                    confirm: string;
                    /** @description Why; kept in the audit log */
                    reason?: string;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            queue: string;
                            removed: number;
                        };
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /**
         * Change the settings of a queue
         * @description Caps and retention; settings that are not named stay as they are. Answers all settings.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @enum {string} */
                        durability?: "memory" | "fsynced" | "replicated";
                        idempotencyMs?: number;
                        maxWaiting?: number;
                        retentionCount?: number;
                        retentionMs?: number;
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @enum {string} */
                            durability: "memory" | "fsynced" | "replicated";
                            /** @description How long an id given by a caller is remembered after the task ended, ms */
                            idempotencyMs: number;
                            /** @description Most tasks waiting before enqueues are refused; 0: no cap */
                            maxWaiting: number;
                            /** @description How many of each are kept at most */
                            retentionCount: number;
                            /** @description How long completed, cancelled and expired tasks are kept, ms */
                            retentionMs: number;
                        };
                    };
                };
            };
        };
        trace?: never;
    };
    "/v1/queues/{queue}/burst": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Enqueue a burst of demo tasks
         * @description By default 10,000 tasks whose attempts fail with a probability of 20%. Answers an operation, or 403 unless ENVIRONMENT is empty or `development`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @default 0.2 */
                        failRate?: number;
                        /** @default 10000 */
                        tasks?: number;
                        /** @default demo.flaky */
                        type?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List dead letters, newest first */
        get: {
            parameters: {
                query?: {
                    /** @description `cursor` of the page before */
                    cursor?: string;
                    /** @description Text to find in the last error; upper and lower case are the same */
                    error?: string;
                    /** @description When it ended, is due (scheduled) or was enqueued (pending, processing): at this time or later, ms since the epoch */
                    from?: number;
                    limit?: number;
                    /** @description Text to find in id, type, error, tags or payload; upper and lower case are the same */
                    q?: string;
                    /** @description Why it died */
                    reason?: "retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable";
                    /** @description `signature` of a group of dead letters */
                    signature?: string;
                    /** @description A whole tag */
                    tag?: string;
                    /** @description The same: before this time, ms since the epoch */
                    to?: number;
                    /**
                     * @description Type of a task
                     * @example demo.flaky
                     */
                    type?: string;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            cursor: string | null;
                            /** @description How many records were looked at for this page */
                            scanned: number;
                            tasks: {
                                /** @description Grants of a lease in this generation */
                                attempts: number;
                                backoff: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                } | null;
                                cancelRequested: boolean;
                                /** @description Attempts whose lease ran out */
                                crashes: number;
                                deadReason: ("retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable") | null;
                                /** @description A dead letter that was replayed before */
                                diedAgain: boolean;
                                endedAt: number | null;
                                /** @description Enqueued, ms since the epoch */
                                enqueuedAt: number;
                                expiresAt: number | null;
                                /** @description Attempts that the handler ended with an error */
                                failures: number;
                                /** @description Raised by each replay */
                                generation: number;
                                /** @description Every attempt, oldest first. Of attempts and replays together the last 32 are kept */
                                history: {
                                    /** @description Counted from 1 within the generation */
                                    attempt: number;
                                    endedAt: number | null;
                                    error: string | null;
                                    generation: number;
                                    /** @enum {string} */
                                    outcome: "running" | "acked" | "failed" | "crashed" | "released" | "unrouted" | "quarantined" | "cancelled";
                                    /** @description Start, ms since the epoch */
                                    startedAt: number;
                                    /** @description What Redis keeps of the token */
                                    token: string;
                                    workerId: string;
                                }[];
                                id: string;
                                lastError: string | null;
                                leaseExpiresAt: number | null;
                                log: string[];
                                maxRetries: number | null;
                                payloadBytes: number;
                                /** @description False once it completed with keepPayload: false */
                                payloadKept: boolean;
                                /** @description The exact text that was enqueued; empty where it was not kept */
                                payloadText: string;
                                /** @enum {string} */
                                priority: "high" | "normal" | "low";
                                progress: string | null;
                                queue: string;
                                releases: number;
                                /** @description Every replay in place, oldest first */
                                replays: {
                                    /** @description When, ms since the epoch */
                                    at: number;
                                    /** @description The generation that it began */
                                    generation: number;
                                }[];
                                resultText: string | null;
                                runAt: number | null;
                                /** @description It crashed its worker twice: it is acquired alone */
                                solo: boolean;
                                /** @enum {string} */
                                state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired";
                                tags: string[];
                                timeoutMs: number | null;
                                token: string | null;
                                traceId: string | null;
                                type: string;
                                unroutedSince: number | null;
                                workerId: string | null;
                            }[];
                            /** @description How many stand in the list that is looked through */
                            total: number;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/dead-letters/discard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Discard dead letters
         * @description Removes them; for ten minutes `POST /v1/operations/:id/undo` puts them back. Up to 500: 200 with the result and the id of its operation. More, or with `ratePerSecond`: 202 with the operation.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /**
                         * @description Every dead letter of the queue
                         * @enum {boolean}
                         */
                        all?: true;
                        /**
                         * @description Count only; change nothing
                         * @default false
                         */
                        dryRun?: boolean;
                        /** @description All that is given has to match */
                        filter?: {
                            /** @description Text to find in the last error; upper and lower case are the same */
                            error?: string;
                            /** @description Died at this time or later, ms since the epoch */
                            from?: number;
                            /** @description Text to find in id, type, error, tags or payload; upper and lower case are the same */
                            q?: string;
                            /** @enum {string} */
                            reason?: "retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable";
                            /** @description `signature` of a group */
                            signature?: string;
                            /** @description A whole tag */
                            tag?: string;
                            /** @description Died before this time, ms since the epoch */
                            to?: number;
                            /**
                             * @description Type of a task
                             * @example demo.flaky
                             */
                            type?: string;
                        };
                        /** @description These */
                        ids?: string[];
                        /** @description At most this many a second: always an operation */
                        ratePerSecond?: number;
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            discarded: number;
                            dryRun: boolean;
                            /** @description Dead letters that the selection named */
                            matched: number;
                            operationId: string | null;
                            results?: {
                                id: string;
                                /** @enum {string} */
                                outcome: "discarded" | "not_dead" | "not_found";
                            }[];
                            /** @description Dead letters looked at, where a filter was given */
                            scanned?: number;
                            /** @description Of them: no longer dead, or unknown */
                            skipped: number;
                            /** @description Dead letters of the queue, where a filter was given */
                            total?: number;
                            undoUntil: number | null;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/dead-letters/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Dead letters grouped by error
         * @description Grouped by type, reason and signature of the error, newest first; `scanned` of `total` were read.
         */
        get: {
            parameters: {
                query?: {
                    /** @description How many dead letters to look at, from the newest on */
                    scan?: number;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Dead letters with the same type, reason and error */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description The largest first, at most 200 */
                            groups: {
                                count: number;
                                /** @description Of them: replayed before, and dead again */
                                diedAgain: number;
                                /** @description Oldest, ms since the epoch */
                                firstAt: number;
                                /** @description Newest, ms since the epoch */
                                lastAt: number;
                                /** @enum {string} */
                                reason: "retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable";
                                /** @description At most 5, newest first */
                                sampleIds: string[];
                                /** @description The error with its changing parts taken out */
                                signature: string;
                                /** @description Deaths in each of 12 equal parts of trendFrom to trendTo, oldest first */
                                trend: number[];
                                type: string;
                            }[];
                            /** @description Dead letters looked at, from the newest on */
                            scanned: number;
                            /** @description Dead letters of the queue */
                            total: number;
                            /** @description Begin of the trend: the oldest death that was looked at, ms since the epoch */
                            trendFrom: number;
                            /** @description End of the trend: now, ms since the epoch */
                            trendTo: number;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/dead-letters/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replay dead letters
         * @description Puts them back with attempts at zero and their history kept. Up to 500: 200 with the result. More, or with `ratePerSecond` or `canary`: 202 with an operation on the tasks that were dead when it began. `dryRun` only counts; `patch` replaces the payload of one task; `to` sends them into another queue.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /**
                         * @description Every dead letter of the queue
                         * @enum {boolean}
                         */
                        all?: true;
                        /** @description Always an operation */
                        canary?: {
                            /**
                             * @description How many go first
                             * @default 5
                             */
                            size?: number;
                            /**
                             * @description How long they may take to complete before the operation stops
                             * @default 60000
                             */
                            waitMs?: number;
                        };
                        /**
                         * @description Count only; change nothing
                         * @default false
                         */
                        dryRun?: boolean;
                        /** @description All that is given has to match */
                        filter?: {
                            /** @description Text to find in the last error; upper and lower case are the same */
                            error?: string;
                            /** @description Died at this time or later, ms since the epoch */
                            from?: number;
                            /** @description Text to find in id, type, error, tags or payload; upper and lower case are the same */
                            q?: string;
                            /** @enum {string} */
                            reason?: "retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable";
                            /** @description `signature` of a group */
                            signature?: string;
                            /** @description A whole tag */
                            tag?: string;
                            /** @description Died before this time, ms since the epoch */
                            to?: number;
                            /**
                             * @description Type of a task
                             * @example demo.flaky
                             */
                            type?: string;
                        };
                        /** @description These */
                        ids?: string[];
                        /** @description Only with exactly one id */
                        patch?: {
                            /** @description The new payload as exact JSON text */
                            payloadText: string;
                        };
                        /** @description At most this many a second: always an operation */
                        ratePerSecond?: number;
                        /** @description Why; kept in the audit log */
                        reason?: string;
                        /**
                         * @description Name of a queue
                         * @example default
                         */
                        to?: string;
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            dryRun: boolean;
                            /** @description Dead letters that the selection named */
                            matched: number;
                            replayed: number;
                            /** @description Per id, where ids were given */
                            results?: {
                                id: string;
                                /** @description Its id in the other queue */
                                newId?: string;
                                /** @enum {string} */
                                outcome: "replayed" | "moved" | "not_dead" | "not_found";
                            }[];
                            /** @description Dead letters looked at, where a filter was given */
                            scanned?: number;
                            /** @description Of them: no longer dead, or unknown */
                            skipped: number;
                            /** @description Dead letters of the queue, where a filter was given */
                            total?: number;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/empty": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Remove every task in some states
         * @description This cannot be undone. Running tasks stay. More than 10000 tasks: 202 with an operation.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description The name of the queue, typed again */
                        confirm: string;
                        /** @description Why; kept in the audit log */
                        reason?: string;
                        states: ("pending" | "scheduled" | "dead" | "completed" | "cancelled" | "expired")[];
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            queue: string;
                            removed: number;
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Who asked for it */
                            actor: string;
                            canary: {
                                /** @description Of them: completed so far */
                                completed: number;
                                detail: string | null;
                                /** @description How many go first */
                                size: number;
                                /** @enum {string} */
                                state: "waiting" | "running" | "passed" | "stopped";
                                /** @description Those that went first */
                                taskIds: string[];
                                /** @description How long they may take */
                                waitMs: number;
                            } | null;
                            /** @description Tasks dealt with, those that were skipped included */
                            done: number;
                            endedAt: number | null;
                            error: string | null;
                            /** @description Tasks that it could not move, see /failures */
                            failures: number;
                            id: string;
                            /** @enum {string} */
                            kind: "replay" | "discard" | "restore" | "empty" | "burst";
                            queue: string;
                            ratePerSecond: number | null;
                            reason: string | null;
                            /** @description Counts, such as replayed and skipped */
                            result: {
                                [key: string]: number;
                            };
                            /** @description Start, ms since the epoch */
                            startedAt: number;
                            /** @enum {string} */
                            state: "running" | "paused" | "succeeded" | "failed" | "cancelled";
                            to: string | null;
                            /** @description Tasks that it is about, as far as it has counted them */
                            total: number;
                            undoes: string | null;
                            undoneAt: number | null;
                            undoUntil: number | null;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a queue
         * @description Workers acquire no more of its tasks. Running tasks go on, and enqueues are accepted.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            paused: boolean;
                            queue: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Resume a paused queue */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            paused: boolean;
                            queue: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The past of a queue
         * @description Counts, rates, wait and run times. This process has the last 15 minutes in steps of 1 s; Redis keeps 3 hours in steps of 10 s and 30 days in steps of 5 minutes. Points whose kept step is longer than the requested one come unchanged.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Span of a point, ms; raised so that at most 1000 points come. The finest without it */
                    stepMs?: number;
                    /** @description How far back, ms */
                    windowMs?: number;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description The last 15 minutes by the second, as far as this process has seen them; before that what Redis keeps: 3 hours by 10 s, 30 days by 5 minutes. What is kept coarser than the step comes as it is: `spanMs` says so. */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Oldest first */
                            points: {
                                /** @description Redis time of its end, ms since the epoch */
                                at: number;
                                attemptsPerSecond: number;
                                cancelled: number;
                                cancelledPerSecond: number;
                                completed: number;
                                completedPerSecond: number;
                                crashedPerSecond: number;
                                dead: number;
                                deadLetteredPerSecond: number;
                                enqueuedPerSecond: number;
                                expired: number;
                                expiredPerSecond: number;
                                failedPerSecond: number;
                                oldestPendingAgeMs: number;
                                pending: number;
                                processing: number;
                                releasedPerSecond: number;
                                retriedPerSecond: number;
                                runP50Ms: number | null;
                                runP95Ms: number | null;
                                runP99Ms: number | null;
                                scheduled: number;
                                /** @description How much time it stands for */
                                spanMs: number;
                                utilisation: number | null;
                                waitP50Ms: number | null;
                                waitP95Ms: number | null;
                                waitP99Ms: number | null;
                            }[];
                            queue: string;
                            /**
                             * @description Where the points come from
                             * @enum {string}
                             */
                            source: "memory" | "redis" | "both";
                            /** @description The step that was taken */
                            stepMs: number;
                            /** @description The span that was asked for; fewer points exist of a new queue */
                            windowMs: number;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/stale-verdicts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Settles that came too late
         * @description Each was refused because its lease had been lost. `overlapMs` is how long two attempts of the task overlapped.
         */
        get: {
            parameters: {
                query?: {
                    limit?: number;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            queue: string;
                            /** @description Newest first; the last 1,000 are kept */
                            verdicts: {
                                /** @description When it was refused, ms since the epoch */
                                at: number;
                                attempt: number;
                                currentToken: string | null;
                                id: string;
                                lateMs: number | null;
                                /** @description How long of it the next attempt ran at the same time */
                                overlapMs: number;
                                queue: string;
                                /** @description What the verdict came with */
                                token: string;
                                type: string;
                                workerId: string;
                            }[];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List tasks of one state
         * @description A page and the cursor of the next one. With `type` or `q` a page can be short or empty before the end: continue while `cursor` is not null; `scanned` is the number of records read.
         */
        get: {
            parameters: {
                query: {
                    /** @description `cursor` of the page before */
                    cursor?: string;
                    /** @description Text to find in the last error; upper and lower case are the same */
                    error?: string;
                    /** @description When it ended, is due (scheduled) or was enqueued (pending, processing): at this time or later, ms since the epoch */
                    from?: number;
                    limit?: number;
                    /** @description Text to find in id, type, error, tags or payload; upper and lower case are the same */
                    q?: string;
                    /** @description Why it died */
                    reason?: "retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable";
                    /** @description `signature` of a group of dead letters */
                    signature?: string;
                    /** @description Which state to list */
                    state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired";
                    /** @description A whole tag */
                    tag?: string;
                    /** @description The same: before this time, ms since the epoch */
                    to?: number;
                    /**
                     * @description Type of a task
                     * @example demo.flaky
                     */
                    type?: string;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            cursor: string | null;
                            /** @description How many records were looked at for this page */
                            scanned: number;
                            tasks: {
                                /** @description Grants of a lease in this generation */
                                attempts: number;
                                backoff: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                } | null;
                                cancelRequested: boolean;
                                /** @description Attempts whose lease ran out */
                                crashes: number;
                                deadReason: ("retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable") | null;
                                /** @description A dead letter that was replayed before */
                                diedAgain: boolean;
                                endedAt: number | null;
                                /** @description Enqueued, ms since the epoch */
                                enqueuedAt: number;
                                expiresAt: number | null;
                                /** @description Attempts that the handler ended with an error */
                                failures: number;
                                /** @description Raised by each replay */
                                generation: number;
                                /** @description Every attempt, oldest first. Of attempts and replays together the last 32 are kept */
                                history: {
                                    /** @description Counted from 1 within the generation */
                                    attempt: number;
                                    endedAt: number | null;
                                    error: string | null;
                                    generation: number;
                                    /** @enum {string} */
                                    outcome: "running" | "acked" | "failed" | "crashed" | "released" | "unrouted" | "quarantined" | "cancelled";
                                    /** @description Start, ms since the epoch */
                                    startedAt: number;
                                    /** @description What Redis keeps of the token */
                                    token: string;
                                    workerId: string;
                                }[];
                                id: string;
                                lastError: string | null;
                                leaseExpiresAt: number | null;
                                log: string[];
                                maxRetries: number | null;
                                payloadBytes: number;
                                /** @description False once it completed with keepPayload: false */
                                payloadKept: boolean;
                                /** @description The exact text that was enqueued; empty where it was not kept */
                                payloadText: string;
                                /** @enum {string} */
                                priority: "high" | "normal" | "low";
                                progress: string | null;
                                queue: string;
                                releases: number;
                                /** @description Every replay in place, oldest first */
                                replays: {
                                    /** @description When, ms since the epoch */
                                    at: number;
                                    /** @description The generation that it began */
                                    generation: number;
                                }[];
                                resultText: string | null;
                                runAt: number | null;
                                /** @description It crashed its worker twice: it is acquired alone */
                                solo: boolean;
                                /** @enum {string} */
                                state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired";
                                tags: string[];
                                timeoutMs: number | null;
                                token: string | null;
                                traceId: string | null;
                                type: string;
                                unroutedSince: number | null;
                                workerId: string | null;
                            }[];
                            /** @description How many stand in the list that is looked through */
                            total: number;
                        };
                    };
                };
            };
        };
        put?: never;
        /**
         * Enqueue a task
         * @description 201: stored. 200: a task with this id and body was stored before, and is waiting or running. 208: it was, and has ended: nothing will run. 409: another task has the id, or the one that has it runs and was asked to stop. The repeat of a request with an Idempotency-Key is answered 200 for as long as the key is remembered, however its task ended.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    "idempotency-key"?: string;
                };
                path: {
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        backoff?: {
                            baseMs?: number;
                            /** @enum {string} */
                            jitter?: "full" | "none";
                            /** @enum {string} */
                            kind?: "exponential" | "fixed";
                            maxMs?: number;
                        };
                        delayMs?: number;
                        /**
                         * @description What has to be reached before the answer. Without it: the setting of the queue.
                         * @enum {string}
                         */
                        durability?: "memory" | "fsynced" | "replicated";
                        /** @description Not started after this moment, ms since the epoch. */
                        expiresAt?: number;
                        /** @description Makes the enqueue idempotent. Minted if absent. */
                        id?: string;
                        /**
                         * @description With an id: what it means where the task with that id ended without completing (cancelled, expired, dead, discarded, emptied). again: it is enqueued anew. duplicate: its id stays taken, and nothing runs.
                         * @default again
                         * @enum {string}
                         */
                        ifEnded?: "again" | "duplicate";
                        /**
                         * @description False drops the payload at completion. A dead letter always keeps it.
                         * @default true
                         */
                        keepPayload?: boolean;
                        maxRetries?: number;
                        /** @description Any JSON, at most 262144 bytes; stored as the exact text that was sent. */
                        payload: unknown;
                        /**
                         * @default normal
                         * @enum {string}
                         */
                        priority?: "high" | "normal" | "low";
                        /** @description With durability replicated: how many have to confirm. 1 without it. */
                        replicas?: number;
                        /** @description Not before this moment, ms since the epoch. Excludes delayMs. */
                        runAt?: number;
                        tags?: string[];
                        timeoutMs?: number;
                        /** @description Chooses the handler. */
                        type: string;
                    };
                };
            };
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /**
                             * @description What the task has reached.
                             * @enum {string}
                             */
                            durability: "memory" | "fsynced" | "replicated";
                            id: string;
                            /** @enum {string} */
                            state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired" | "purged";
                            /** @description Of a task that was stored before: whether it is waiting or running. False: nothing will run. */
                            willRun?: boolean;
                        };
                    };
                };
                /** @description Default Response */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /**
                             * @description What the task has reached.
                             * @enum {string}
                             */
                            durability: "memory" | "fsynced" | "replicated";
                            id: string;
                            /** @enum {string} */
                            state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired" | "purged";
                            /** @description Of a task that was stored before: whether it is waiting or running. False: nothing will run. */
                            willRun?: boolean;
                        };
                    };
                };
                /** @description Default Response */
                208: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /**
                             * @description What the task has reached.
                             * @enum {string}
                             */
                            durability: "memory" | "fsynced" | "replicated";
                            id: string;
                            /** @enum {string} */
                            state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired" | "purged";
                            /** @description Of a task that was stored before: whether it is waiting or running. False: nothing will run. */
                            willRun?: boolean;
                        };
                    };
                };
                /** @description Default Response */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            code: string;
                            detail: string;
                            errors?: {
                                in: string;
                                message: string;
                                path: string;
                            }[];
                            requestId: string;
                            status: number;
                            taskId?: string;
                            title: string;
                            type: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/tasks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One task with every attempt */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id of a task */
                    id: string;
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Grants of a lease in this generation */
                            attempts: number;
                            backoff: {
                                baseMs?: number;
                                /** @enum {string} */
                                jitter?: "full" | "none";
                                /** @enum {string} */
                                kind?: "exponential" | "fixed";
                                maxMs?: number;
                            } | null;
                            cancelRequested: boolean;
                            /** @description Attempts whose lease ran out */
                            crashes: number;
                            deadReason: ("retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable") | null;
                            /** @description A dead letter that was replayed before */
                            diedAgain: boolean;
                            endedAt: number | null;
                            /** @description Enqueued, ms since the epoch */
                            enqueuedAt: number;
                            expiresAt: number | null;
                            /** @description Attempts that the handler ended with an error */
                            failures: number;
                            /** @description Raised by each replay */
                            generation: number;
                            /** @description Every attempt, oldest first. Of attempts and replays together the last 32 are kept */
                            history: {
                                /** @description Counted from 1 within the generation */
                                attempt: number;
                                endedAt: number | null;
                                error: string | null;
                                generation: number;
                                /** @enum {string} */
                                outcome: "running" | "acked" | "failed" | "crashed" | "released" | "unrouted" | "quarantined" | "cancelled";
                                /** @description Start, ms since the epoch */
                                startedAt: number;
                                /** @description What Redis keeps of the token */
                                token: string;
                                workerId: string;
                            }[];
                            id: string;
                            lastError: string | null;
                            leaseExpiresAt: number | null;
                            log: string[];
                            maxRetries: number | null;
                            payloadBytes: number;
                            /** @description False once it completed with keepPayload: false */
                            payloadKept: boolean;
                            /** @description The exact text that was enqueued; empty where it was not kept */
                            payloadText: string;
                            /** @enum {string} */
                            priority: "high" | "normal" | "low";
                            progress: string | null;
                            queue: string;
                            releases: number;
                            /** @description Every replay in place, oldest first */
                            replays: {
                                /** @description When, ms since the epoch */
                                at: number;
                                /** @description The generation that it began */
                                generation: number;
                            }[];
                            resultText: string | null;
                            runAt: number | null;
                            /** @description It crashed its worker twice: it is acquired alone */
                            solo: boolean;
                            /** @enum {string} */
                            state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired";
                            tags: string[];
                            timeoutMs: number | null;
                            token: string | null;
                            traceId: string | null;
                            type: string;
                            unroutedSince: number | null;
                            workerId: string | null;
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /**
         * Cancel a task
         * @description 200: cancelled. 202: it is running, its worker has been asked. 409: it has already ended.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            id: string;
                            /** @enum {string} */
                            outcome: "cancelled" | "requested";
                        };
                    };
                };
                /** @description Default Response */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            id: string;
                            /** @enum {string} */
                            outcome: "cancelled" | "requested";
                        };
                    };
                };
                /** @description Default Response */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            code: string;
                            detail: string;
                            errors?: {
                                in: string;
                                message: string;
                                path: string;
                            }[];
                            requestId: string;
                            status: number;
                            taskId?: string;
                            title: string;
                            type: string;
                        };
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/tasks/{id}/why": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Why is this task not running?
         * @description Paused, not due, no worker for its type, or waiting: with its position and expected start.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id of a task */
                    id: string;
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            detail: string;
                            expectedStartAt: number | null;
                            position: number | null;
                            /** @description Exact up to 10,000 */
                            positionIsEstimate: boolean;
                            /** @description paused | waiting | no_worker_for_type | no_workers | workers_draining | not_due | overdue | running | worker_lost | solo | terminal */
                            reason: string;
                            /** @enum {string} */
                            state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired";
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/tasks/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Enqueue many tasks
         * @description A JSON array of up to 1000 tasks, or any number of tasks as application/x-ndjson, one per line: lines are stored as they arrive, and those that were stored stay stored where the request breaks off. At most 262144 bytes of payload and 524288 bytes per line. Each task has its own result. Where the key is revoked meanwhile the last result is 401, and nothing after it is stored. With `Accept: application/x-ndjson` the results are lines too, sent while the body still arrives: read them while you write.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    queue: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        backoff?: {
                            baseMs?: number;
                            /** @enum {string} */
                            jitter?: "full" | "none";
                            /** @enum {string} */
                            kind?: "exponential" | "fixed";
                            maxMs?: number;
                        };
                        delayMs?: number;
                        /**
                         * @description What has to be reached before the answer. Without it: the setting of the queue.
                         * @enum {string}
                         */
                        durability?: "memory" | "fsynced" | "replicated";
                        /** @description Not started after this moment, ms since the epoch. */
                        expiresAt?: number;
                        /** @description Makes the enqueue idempotent. Minted if absent. */
                        id?: string;
                        /**
                         * @description With an id: what it means where the task with that id ended without completing (cancelled, expired, dead, discarded, emptied). again: it is enqueued anew. duplicate: its id stays taken, and nothing runs.
                         * @default again
                         * @enum {string}
                         */
                        ifEnded?: "again" | "duplicate";
                        /**
                         * @description False drops the payload at completion. A dead letter always keeps it.
                         * @default true
                         */
                        keepPayload?: boolean;
                        maxRetries?: number;
                        /** @description Any JSON, at most 262144 bytes; stored as the exact text that was sent. */
                        payload: unknown;
                        /**
                         * @default normal
                         * @enum {string}
                         */
                        priority?: "high" | "normal" | "low";
                        /** @description With durability replicated: how many have to confirm. 1 without it. */
                        replicas?: number;
                        /** @description Not before this moment, ms since the epoch. Excludes delayMs. */
                        runAt?: number;
                        tags?: string[];
                        timeoutMs?: number;
                        /** @description Chooses the handler. */
                        type: string;
                    }[];
                    "application/x-ndjson": {
                        backoff?: {
                            baseMs?: number;
                            /** @enum {string} */
                            jitter?: "full" | "none";
                            /** @enum {string} */
                            kind?: "exponential" | "fixed";
                            maxMs?: number;
                        };
                        delayMs?: number;
                        /**
                         * @description What has to be reached before the answer. Without it: the setting of the queue.
                         * @enum {string}
                         */
                        durability?: "memory" | "fsynced" | "replicated";
                        /** @description Not started after this moment, ms since the epoch. */
                        expiresAt?: number;
                        /** @description Makes the enqueue idempotent. Minted if absent. */
                        id?: string;
                        /**
                         * @description With an id: what it means where the task with that id ended without completing (cancelled, expired, dead, discarded, emptied). again: it is enqueued anew. duplicate: its id stays taken, and nothing runs.
                         * @default again
                         * @enum {string}
                         */
                        ifEnded?: "again" | "duplicate";
                        /**
                         * @description False drops the payload at completion. A dead letter always keeps it.
                         * @default true
                         */
                        keepPayload?: boolean;
                        maxRetries?: number;
                        /** @description Any JSON, at most 262144 bytes; stored as the exact text that was sent. */
                        payload: unknown;
                        /**
                         * @default normal
                         * @enum {string}
                         */
                        priority?: "high" | "normal" | "low";
                        /** @description With durability replicated: how many have to confirm. 1 without it. */
                        replicas?: number;
                        /** @description Not before this moment, ms since the epoch. Excludes delayMs. */
                        runAt?: number;
                        tags?: string[];
                        timeoutMs?: number;
                        /** @description Chooses the handler. */
                        type: string;
                    }[];
                };
            };
            responses: {
                /** @description Default Response */
                207: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stored by this request. */
                            accepted: number;
                            /** @description Stored before, with the same body. */
                            duplicates: number;
                            failed: number;
                            /** @description One per task, in the order given. */
                            results: {
                                code?: string;
                                detail?: string;
                                /** @enum {string} */
                                durability?: "memory" | "fsynced" | "replicated";
                                id?: string;
                                /** @enum {string} */
                                state?: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired" | "purged";
                                /** @description What a single enqueue would have answered: 201, 200, 208, 409, 422, ... 200: a task with this id and body was stored before, and is waiting or running. 208: it was, and has ended: nothing will run. 409: another task has the id, or the one that has it runs and was asked to stop. */
                                status: number;
                                /** @description Of a task that was stored before: whether it is waiting or running. False: nothing will run. */
                                willRun?: boolean;
                            }[];
                        };
                    };
                };
                /** @description Default Response */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            code: string;
                            detail: string;
                            errors?: {
                                in: string;
                                message: string;
                                path: string;
                            }[];
                            requestId: string;
                            status: number;
                            taskId?: string;
                            title: string;
                            type: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/queues/{queue}/tasks/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All tasks that match, as NDJSON
         * @description A task per line, streamed as fast as it is read. Stops when the client goes away.
         */
        get: {
            parameters: {
                query: {
                    /** @description Text to find in the last error; upper and lower case are the same */
                    error?: string;
                    /** @description When it ended, is due (scheduled) or was enqueued (pending, processing): at this time or later, ms since the epoch */
                    from?: number;
                    /** @description Text to find in id, type, error, tags or payload; upper and lower case are the same */
                    q?: string;
                    /** @description Why it died */
                    reason?: "retries_exhausted" | "crashes_exhausted" | "releases_exhausted" | "fatal" | "no_handler" | "undecodable";
                    /** @description `signature` of a group of dead letters */
                    signature?: string;
                    /** @description Which state to list */
                    state: "scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired";
                    /** @description A whole tag */
                    tag?: string;
                    /** @description The same: before this time, ms since the epoch */
                    to?: number;
                    /**
                     * @description Type of a task
                     * @example demo.flaky
                     */
                    type?: string;
                };
                header?: never;
                path: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/x-ndjson": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/x-ndjson": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description A task per line */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/x-ndjson": string;
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List schedules
         * @description In the order of their ids, all or those of one queue.
         */
        get: {
            parameters: {
                query?: {
                    /**
                     * @description Name of a queue
                     * @example default
                     */
                    queue?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            schedules: {
                                /** @description Created, ms since the epoch */
                                createdAt: number;
                                cron: string;
                                id: string;
                                lastRun: {
                                    /** @description The time it was for, ms since the epoch */
                                    at: number;
                                    /** @description It was asked for by an operator */
                                    manual: boolean;
                                    /** @enum {string} */
                                    outcome: "enqueued" | "missed" | "overlapped";
                                    state: ("scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired") | null;
                                    taskId: string | null;
                                } | null;
                                /**
                                 * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                                 * @enum {string}
                                 */
                                missed: "skip" | "once" | "all";
                                nextAt: number | null;
                                /** @description At most five, ms since the epoch */
                                nextRuns: number[];
                                options: {
                                    /** @description The wait before a retry */
                                    backoff?: {
                                        baseMs?: number;
                                        /** @enum {string} */
                                        jitter?: "full" | "none";
                                        /** @enum {string} */
                                        kind?: "exponential" | "fixed";
                                        maxMs?: number;
                                    };
                                    /** @description A task that is acquired so long after its time becomes expired */
                                    expiresAfterMs?: number;
                                    maxRetries?: number;
                                    /** @enum {string} */
                                    priority?: "high" | "normal" | "low";
                                    tags?: string[];
                                    timeoutMs?: number;
                                };
                                /**
                                 * @description skip: no task while the one before has not ended
                                 * @enum {string}
                                 */
                                overlap: "allow" | "skip";
                                paused: boolean;
                                payloadText: string;
                                queue: string;
                                /** @description The last ten, newest first */
                                runs: {
                                    /** @description The time it was for, ms since the epoch */
                                    at: number;
                                    /** @description It was asked for by an operator */
                                    manual: boolean;
                                    /** @enum {string} */
                                    outcome: "enqueued" | "missed" | "overlapped";
                                    taskId: string | null;
                                }[];
                                timeZone: string;
                                type: string;
                                /** @description Written last, ms since the epoch */
                                updatedAt: number;
                                /** @description The cron expression in words */
                                words: string;
                            }[];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One schedule */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Id of a schedule: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$
                     * @example nightly-report
                     */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Created, ms since the epoch */
                            createdAt: number;
                            cron: string;
                            id: string;
                            lastRun: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                state: ("scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired") | null;
                                taskId: string | null;
                            } | null;
                            /**
                             * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                             * @enum {string}
                             */
                            missed: "skip" | "once" | "all";
                            nextAt: number | null;
                            /** @description At most five, ms since the epoch */
                            nextRuns: number[];
                            options: {
                                /** @description The wait before a retry */
                                backoff?: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                };
                                /** @description A task that is acquired so long after its time becomes expired */
                                expiresAfterMs?: number;
                                maxRetries?: number;
                                /** @enum {string} */
                                priority?: "high" | "normal" | "low";
                                tags?: string[];
                                timeoutMs?: number;
                            };
                            /**
                             * @description skip: no task while the one before has not ended
                             * @enum {string}
                             */
                            overlap: "allow" | "skip";
                            paused: boolean;
                            payloadText: string;
                            queue: string;
                            /** @description The last ten, newest first */
                            runs: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                taskId: string | null;
                            }[];
                            timeZone: string;
                            type: string;
                            /** @description Written last, ms since the epoch */
                            updatedAt: number;
                            /** @description The cron expression in words */
                            words: string;
                        };
                    };
                };
            };
        };
        /**
         * Write a schedule
         * @description Creates the schedule, or replaces the definition of the one with that id. Its runs stay, and its next time stays if expression and time zone do.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Id of a schedule: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$
                     * @example nightly-report
                     */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /**
                         * @description Five fields, or six with seconds first; also @hourly, @daily, @weekly, @monthly, @yearly
                         * @example 30 2 * * 1-5
                         */
                        cron: string;
                        /**
                         * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                         * @enum {string}
                         */
                        missed?: "skip" | "once" | "all";
                        options?: {
                            /** @description The wait before a retry */
                            backoff?: {
                                baseMs?: number;
                                /** @enum {string} */
                                jitter?: "full" | "none";
                                /** @enum {string} */
                                kind?: "exponential" | "fixed";
                                maxMs?: number;
                            };
                            /** @description A task that is acquired so long after its time becomes expired */
                            expiresAfterMs?: number;
                            maxRetries?: number;
                            /** @enum {string} */
                            priority?: "high" | "normal" | "low";
                            tags?: string[];
                            timeoutMs?: number;
                        };
                        /**
                         * @description skip: no task while the one before has not ended
                         * @enum {string}
                         */
                        overlap?: "allow" | "skip";
                        /** @description Without it: as it is; false for a new one */
                        paused?: boolean;
                        /** @description The payload of every task as exact JSON text */
                        payloadText?: string;
                        /**
                         * @description Name of a queue
                         * @example default
                         */
                        queue: string;
                        /**
                         * @description IANA time zone; UTC without it
                         * @example Europe/Berlin
                         */
                        timeZone?: string;
                        /**
                         * @description Type of a task
                         * @example demo.flaky
                         */
                        type: string;
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Created, ms since the epoch */
                            createdAt: number;
                            cron: string;
                            id: string;
                            lastRun: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                state: ("scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired") | null;
                                taskId: string | null;
                            } | null;
                            /**
                             * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                             * @enum {string}
                             */
                            missed: "skip" | "once" | "all";
                            nextAt: number | null;
                            /** @description At most five, ms since the epoch */
                            nextRuns: number[];
                            options: {
                                /** @description The wait before a retry */
                                backoff?: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                };
                                /** @description A task that is acquired so long after its time becomes expired */
                                expiresAfterMs?: number;
                                maxRetries?: number;
                                /** @enum {string} */
                                priority?: "high" | "normal" | "low";
                                tags?: string[];
                                timeoutMs?: number;
                            };
                            /**
                             * @description skip: no task while the one before has not ended
                             * @enum {string}
                             */
                            overlap: "allow" | "skip";
                            paused: boolean;
                            payloadText: string;
                            queue: string;
                            /** @description The last ten, newest first */
                            runs: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                taskId: string | null;
                            }[];
                            timeZone: string;
                            type: string;
                            /** @description Written last, ms since the epoch */
                            updatedAt: number;
                            /** @description The cron expression in words */
                            words: string;
                        };
                    };
                };
                /** @description Default Response */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Created, ms since the epoch */
                            createdAt: number;
                            cron: string;
                            id: string;
                            lastRun: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                state: ("scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired") | null;
                                taskId: string | null;
                            } | null;
                            /**
                             * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                             * @enum {string}
                             */
                            missed: "skip" | "once" | "all";
                            nextAt: number | null;
                            /** @description At most five, ms since the epoch */
                            nextRuns: number[];
                            options: {
                                /** @description The wait before a retry */
                                backoff?: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                };
                                /** @description A task that is acquired so long after its time becomes expired */
                                expiresAfterMs?: number;
                                maxRetries?: number;
                                /** @enum {string} */
                                priority?: "high" | "normal" | "low";
                                tags?: string[];
                                timeoutMs?: number;
                            };
                            /**
                             * @description skip: no task while the one before has not ended
                             * @enum {string}
                             */
                            overlap: "allow" | "skip";
                            paused: boolean;
                            payloadText: string;
                            queue: string;
                            /** @description The last ten, newest first */
                            runs: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                taskId: string | null;
                            }[];
                            timeZone: string;
                            type: string;
                            /** @description Written last, ms since the epoch */
                            updatedAt: number;
                            /** @description The cron expression in words */
                            words: string;
                        };
                    };
                };
            };
        };
        post?: never;
        /**
         * Delete a schedule
         * @description Its enqueued tasks stay.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Id of a schedule: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$
                     * @example nightly-report
                     */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a schedule
         * @description Occurrences during the pause are skipped for good.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Id of a schedule: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$
                     * @example nightly-report
                     */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Created, ms since the epoch */
                            createdAt: number;
                            cron: string;
                            id: string;
                            lastRun: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                state: ("scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired") | null;
                                taskId: string | null;
                            } | null;
                            /**
                             * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                             * @enum {string}
                             */
                            missed: "skip" | "once" | "all";
                            nextAt: number | null;
                            /** @description At most five, ms since the epoch */
                            nextRuns: number[];
                            options: {
                                /** @description The wait before a retry */
                                backoff?: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                };
                                /** @description A task that is acquired so long after its time becomes expired */
                                expiresAfterMs?: number;
                                maxRetries?: number;
                                /** @enum {string} */
                                priority?: "high" | "normal" | "low";
                                tags?: string[];
                                timeoutMs?: number;
                            };
                            /**
                             * @description skip: no task while the one before has not ended
                             * @enum {string}
                             */
                            overlap: "allow" | "skip";
                            paused: boolean;
                            payloadText: string;
                            queue: string;
                            /** @description The last ten, newest first */
                            runs: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                taskId: string | null;
                            }[];
                            timeZone: string;
                            type: string;
                            /** @description Written last, ms since the epoch */
                            updatedAt: number;
                            /** @description The cron expression in words */
                            words: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume a paused schedule
         * @description It continues with the next occurrence from now.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Id of a schedule: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$
                     * @example nightly-report
                     */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Created, ms since the epoch */
                            createdAt: number;
                            cron: string;
                            id: string;
                            lastRun: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                state: ("scheduled" | "pending" | "processing" | "completed" | "dead" | "cancelled" | "expired") | null;
                                taskId: string | null;
                            } | null;
                            /**
                             * @description Occurrences that no janitor saw in time: none of them, one for all, or each (the last 100)
                             * @enum {string}
                             */
                            missed: "skip" | "once" | "all";
                            nextAt: number | null;
                            /** @description At most five, ms since the epoch */
                            nextRuns: number[];
                            options: {
                                /** @description The wait before a retry */
                                backoff?: {
                                    baseMs?: number;
                                    /** @enum {string} */
                                    jitter?: "full" | "none";
                                    /** @enum {string} */
                                    kind?: "exponential" | "fixed";
                                    maxMs?: number;
                                };
                                /** @description A task that is acquired so long after its time becomes expired */
                                expiresAfterMs?: number;
                                maxRetries?: number;
                                /** @enum {string} */
                                priority?: "high" | "normal" | "low";
                                tags?: string[];
                                timeoutMs?: number;
                            };
                            /**
                             * @description skip: no task while the one before has not ended
                             * @enum {string}
                             */
                            overlap: "allow" | "skip";
                            paused: boolean;
                            payloadText: string;
                            queue: string;
                            /** @description The last ten, newest first */
                            runs: {
                                /** @description The time it was for, ms since the epoch */
                                at: number;
                                /** @description It was asked for by an operator */
                                manual: boolean;
                                /** @enum {string} */
                                outcome: "enqueued" | "missed" | "overlapped";
                                taskId: string | null;
                            }[];
                            timeZone: string;
                            type: string;
                            /** @description Written last, ms since the epoch */
                            updatedAt: number;
                            /** @description The cron expression in words */
                            words: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/{id}/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a schedule now
         * @description Enqueues a task at once, even if the schedule is paused; its occurrences stay. 409 if its overlap is skip and the last task has not ended.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /**
                     * @description Id of a schedule: ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$
                     * @example nightly-report
                     */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            id: string;
                            queue: string;
                            taskId: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/schedules/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A cron expression in words, and its next five times */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /**
                         * @description Five fields, or six with seconds first; also @hourly, @daily, @weekly, @monthly, @yearly
                         * @example 30 2 * * 1-5
                         */
                        cron: string;
                        /**
                         * @description IANA time zone; UTC without it
                         * @example Europe/Berlin
                         */
                        timeZone?: string;
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description The next five, ms since the epoch */
                            nextRuns: number[];
                            words: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who am I?
         * @description Also for callers that are not logged in.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description False: log in with a key, by `POST /v1/session` */
                            authenticated: boolean;
                            /** @description Bursts of demo tasks may be sent: the environment has no name, or is called development */
                            demoLoad: boolean;
                            environment: string | null;
                            expiresAt: number | null;
                            idleExpiresAt: number | null;
                            /** @description False: everybody is let in, as on a loopback address without keys */
                            keysRequired: boolean;
                            label: string;
                            queues: string[] | null;
                            /** @description Nobody changes anything through this service */
                            readOnly: boolean;
                            /** @enum {string} */
                            role: "viewer" | "operator" | "admin";
                            scopes: ("enqueue" | "read" | "control" | "admin")[];
                        };
                    };
                };
            };
        };
        put?: never;
        /**
         * Log in with a key
         * @description Sets the cookie `holdfast_session`, over TLS `__Host-holdfast_session`. The session ends with its key.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description An API key */
                        key: string;
                    };
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description False: log in with a key, by `POST /v1/session` */
                            authenticated: boolean;
                            /** @description Bursts of demo tasks may be sent: the environment has no name, or is called development */
                            demoLoad: boolean;
                            environment: string | null;
                            expiresAt: number | null;
                            idleExpiresAt: number | null;
                            /** @description False: everybody is let in, as on a loopback address without keys */
                            keysRequired: boolean;
                            label: string;
                            queues: string[] | null;
                            /** @description Nobody changes anything through this service */
                            readOnly: boolean;
                            /** @enum {string} */
                            role: "viewer" | "operator" | "admin";
                            scopes: ("enqueue" | "read" | "control" | "admin")[];
                        };
                    };
                };
            };
        };
        /**
         * Log out
         * @description Ends the session, also for copies of its cookie.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description False: log in with a key, by `POST /v1/session` */
                            authenticated: boolean;
                            /** @description Bursts of demo tasks may be sent: the environment has no name, or is called development */
                            demoLoad: boolean;
                            environment: string | null;
                            expiresAt: number | null;
                            idleExpiresAt: number | null;
                            /** @description False: everybody is let in, as on a loopback address without keys */
                            keysRequired: boolean;
                            label: string;
                            queues: string[] | null;
                            /** @description Nobody changes anything through this service */
                            readOnly: boolean;
                            /** @enum {string} */
                            role: "viewer" | "operator" | "admin";
                            scopes: ("enqueue" | "read" | "control" | "admin")[];
                        };
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List workers
         * @description Each with its registration, the age of its last heartbeat and at most 100 of its running tasks.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            workers: {
                                busy: number;
                                heartbeatAgeMs: number;
                                /** @description Last heartbeat, ms since the epoch */
                                heartbeatAt: number;
                                host: string;
                                id: string;
                                pid: number;
                                queues: string[];
                                slots: number;
                                /** @description Start, ms since the epoch */
                                startedAt: number;
                                /**
                                 * @description drained: it was told to drain, and holds nothing any more
                                 * @enum {string}
                                 */
                                state: "running" | "draining" | "drained" | "stopped" | "lost";
                                /** @description What it runs, at most 100; not in the live stream */
                                tasks?: {
                                    id: string;
                                    queue: string;
                                    /** @description Start, ms since the epoch */
                                    startedAt: number;
                                    type: string;
                                }[];
                                types: string[];
                                version: string;
                            }[];
                        };
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workers/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Drain a worker
         * @description With its next heartbeat, within two seconds, the worker stops acquiring, hands back tasks that it has not begun, and finishes the others. Its state is draining, then drained.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id of a worker */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            draining: boolean;
                            id: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workers/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a drained worker go on
         * @description It acquires again after its next heartbeat, within two seconds.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id of a worker */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": {
                        /** @description Why; kept in the audit log */
                        reason?: string;
                    } | null;
                };
            };
            responses: {
                /** @description What went wrong */
                "4XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description What went wrong */
                "5XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            /** @description Stable, machine readable */
                            code: string;
                            detail?: string;
                            errors?: {
                                [key: string]: unknown;
                            }[];
                            requestId?: string;
                            status: number;
                            /** @description Retry with the same id */
                            taskId?: string;
                            title: string;
                            type: string;
                        } & {
                            [key: string]: unknown;
                        };
                    };
                };
                /** @description Default Response */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": {
                            draining: boolean;
                            id: string;
                        };
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: never;
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

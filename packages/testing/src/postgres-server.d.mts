export interface PostgresServer {
  readonly port: number;
  readonly url: string;
  /** Sends SIGKILL to the server. The processes that it started end soon after it. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and data. */
  start(): Promise<void>;
  /** Kills the server and removes its folder. */
  stop(): Promise<void>;
}

/** Returns the folder with the programs of Postgres; null if this machine has no Postgres. */
export function findPostgres(): string | null;

/**
 * Starts a server on a free port, with data of its own.
 * @param options.settings such as `max_connections=20`
 * @param options.sync whether commits are written to disk. @default false
 */
export function startPostgres(options?: { settings?: string[]; sync?: boolean }): Promise<PostgresServer>;

/** The one way to the API: checks the content type, throws typed errors, gives up after a time. */

/** What an operator can do about a code; the detail of the answer states the cause. */
const REMEDIES: Record<string, string> = {
  redis_unavailable: "Check that Redis runs and that the observability service can reach it.",
  redis_out_of_memory: "Give Redis more memory or lower retention; workers still drain meanwhile.",
  redis_read_only: "Redis is a replica or lost its quorum: check the failover.",
  queue_full: "The queue is at its cap: wait for workers to drain it, or raise maxWaiting.",
  rate_limited: "Wait a moment, then try again.",
  queue_not_found: "The queue has not been used yet: enqueue a first task.",
  task_not_found: "It may have been removed by retention or by another operator.",
  task_conflict: "This id is in use by a task with another payload: choose another id.",
  too_late: "The task has ended in the meantime: reload it.",
  payload_too_large: "Store the data elsewhere and put a reference into the payload.",
  payload_too_deep: "Flatten the payload: at most 64 levels of nesting.",
  outcome_unknown: "The write may have happened: look before trying again.",
  invalid_cursor: "The list has changed: load it again from the start.",
  unauthorized: "Sign in with a valid key.",
  forbidden: "Your role does not allow this.",
  unreachable: "Check that the observability service runs (port 3001) and that no proxy blocks it.",
  not_json: "Something between the browser and the service answered: check the proxy.",
};

export interface FieldError {
  path: string;
  message: string;
}

/** A request that did not succeed: cause (`detail`), stable `code`, and the id to find in the log. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string | null;
  readonly errors: FieldError[];

  constructor(init: {
    status: number;
    code: string;
    detail: string;
    requestId?: string | null;
    errors?: FieldError[];
    cause?: unknown;
  }) {
    super(init.detail, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "ApiError";
    this.status = init.status;
    this.code = init.code;
    this.detail = init.detail;
    this.requestId = init.requestId ?? null;
    this.errors = init.errors ?? [];
  }

  get remedy(): string | null {
    return REMEDIES[this.code] ?? null;
  }

  /** The service itself cannot be reached, as opposed to a refusal by it. */
  get unreachable(): boolean {
    return this.code === "unreachable";
  }
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError({ status: 0, code: "internal", detail, cause: error });
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  /** Sent as JSON. Excludes `bodyText`. */
  body?: unknown;
  /** Sent byte for byte: a payload must not pass through JSON.parse and back. */
  bodyText?: string;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
  /** @default 20_000 */
  timeoutMs?: number;
}

export interface Answer<T> {
  status: number;
  data: T;
}

export async function send<T>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
  const { method = "GET", query, signal, timeoutMs = 20_000 } = options;
  const bodyText =
    options.bodyText ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(withQuery(path, query), {
      method,
      headers:
        bodyText === undefined
          ? { accept: "application/json" }
          : { accept: "application/json", "content-type": "application/json" },
      body: bodyText ?? null,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const detail = timeout.aborted
      ? `No answer from the API within ${timeoutMs / 1000} s.`
      : "The API cannot be reached.";
    throw new ApiError({ status: 0, code: "unreachable", detail, cause });
  }
  return { status: response.status, data: await readBody<T>(response) };
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  return (await send<T>(path, options)).data;
}

async function readBody<T>(response: Response): Promise<T> {
  const contentType = response.headers.get("content-type") ?? "";
  const requestId = response.headers.get("x-request-id");
  if (response.status === 204) return undefined as T;
  if (contentType.startsWith("application/problem+json")) {
    throw problem(response.status, await response.json().catch(() => null), requestId);
  }
  if (!contentType.startsWith("application/json")) {
    // A dev proxy or load balancer without a service behind it answers in HTML or plain text.
    const gone = response.status >= 502 && response.status <= 504;
    throw new ApiError({
      status: response.status,
      code: gone || response.status === 500 ? "unreachable" : "not_json",
      detail: gone
        ? `The API cannot be reached: a proxy answered ${response.status}.`
        : `Expected JSON from ${new URL(response.url, location.href).pathname}, got ${contentType || "nothing"} (${response.status}).`,
      requestId,
    });
  }
  const data: unknown = await response.json();
  if (!response.ok) throw problem(response.status, data, requestId);
  return data as T;
}

function problem(status: number, body: unknown, requestId: string | null): ApiError {
  const record = isRecord(body) ? body : {};
  const text = (key: string): string | null => {
    const value = record[key];
    return typeof value === "string" && value !== "" ? value : null;
  };
  return new ApiError({
    status,
    code: text("code") ?? `http_${status}`,
    detail: text("detail") ?? text("title") ?? `The API answered ${status}.`,
    requestId: text("requestId") ?? requestId,
    errors: fieldErrors(record.errors),
  });
}

function fieldErrors(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((entry) => ({
    path: String(entry.path ?? entry.pointer ?? ""),
    message: String(entry.message ?? entry.detail ?? "invalid"),
  }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withQuery(path: string, query: RequestOptions["query"]): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** A path with each part encoded: names and ids never change the route. */
export function path(strings: TemplateStringsArray, ...parts: string[]): string {
  return strings.reduce((sum, text, index) => sum + encodeURIComponent(parts[index - 1] ?? "") + text);
}

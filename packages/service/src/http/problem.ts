import { type IncomingMessage, STATUS_CODES } from "node:http";
import {
  ERROR_STATUS,
  type ErrorCode,
  HoldfastError,
  QueryError,
  type QueryProblem,
} from "@holdfast/contracts";

/** Says what is wrong with one field of the request. */
export interface FieldError extends Partial<Pick<QueryProblem, "position" | "found" | "remedy">> {
  /** JSON pointer to the field, like `/payload` or `/0/type`. */
  path: string;
  message: string;
  /** The part of the request that has the field: body, querystring, params or headers. */
  in: string;
}

/** The body of an error response, RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ProblemCode;
  requestId: string;
  errors?: FieldError[];
  taskId?: string;
  /** The task that holds the unique key. */
  heldBy?: string;
}

export type ProblemCode = ErrorCode | "method_not_allowed" | "request_timeout";

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** An error that names the invalid fields of a request. */
export class RequestError extends HoldfastError {
  readonly errors: FieldError[];

  constructor(code: ErrorCode, message: string, errors: FieldError[] = []) {
    super(code, message);
    this.name = "RequestError";
    this.errors = errors;
  }
}

export function problem(
  code: ProblemCode,
  status: number,
  detail: string,
  requestId: string,
  extra: { errors?: FieldError[]; taskId?: string | undefined; heldBy?: string | undefined } = {},
): Problem {
  const body: Problem = {
    type: `urn:holdfast:error:${code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    requestId,
  };
  if (extra.errors && extra.errors.length > 0) body.errors = extra.errors;
  if (extra.taskId !== undefined) body.taskId = extra.taskId;
  if (extra.heldBy !== undefined) body.heldBy = extra.heldBy;
  return body;
}

/** Returns the value of `Retry-After` in seconds, at least 1, or undefined if waiting does not help. */
export function retryAfterSeconds(error: HoldfastError): number | undefined {
  const status = ERROR_STATUS[error.code];
  if (error.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1_000));
  return status === 429 || status === 503 ? 1 : undefined;
}

/** The library and the API give a field the same name, so the name needs no translation. */
function fieldErrors(error: HoldfastError, where: FieldError["in"]): FieldError[] {
  const { field, message } = error;
  if (field === undefined) return [];
  const place = { path: `/${field.replaceAll(".", "/")}`, in: where };
  if (!(error instanceof QueryError)) return [{ ...place, message }];
  const { position, found, remedy } = error.problem;
  return [{ ...place, message: error.problem.message, position, found, remedy }];
}

interface FrameworkError {
  code?: string;
  statusCode?: number;
  message?: string;
  validation?: { instancePath: string; message?: string; params?: Record<string, unknown> }[];
  validationContext?: string;
}

/**
 * Turns anything that was thrown into a problem. Also says whether the service is at fault, so that the caller logs
 * the error.
 * @param where the part of the request with the field that an error of the library names
 */
export function toProblem(
  error: unknown,
  requestId: string,
  where: FieldError["in"] = "body",
): { body: Problem; retryAfter?: number | undefined; unexpected: boolean } {
  if (error instanceof HoldfastError) {
    const status = ERROR_STATUS[error.code];
    const errors = error instanceof RequestError ? error.errors : fieldErrors(error, where);
    return {
      body: problem(error.code, status, error.message, requestId, {
        errors,
        taskId: error.taskId,
        heldBy: error.heldBy,
      }),
      retryAfter: retryAfterSeconds(error),
      unexpected: error.code === "internal",
    };
  }
  const framework = (typeof error === "object" && error !== null ? error : {}) as FrameworkError;
  if (framework.validation) return { body: validationProblem(framework, requestId), unexpected: false };
  const status = framework.statusCode ?? 500;
  if (status < 500) {
    const detail = framework.message ?? "the request is not valid";
    return {
      body: problem(frameworkCode(framework.code, status), status, detail, requestId),
      unexpected: false,
    };
  }
  return {
    body: problem("internal", 500, "an unexpected error; the log has it under this requestId", requestId),
    unexpected: true,
  };
}

/** The status for a body that parses but does not fit the schema is 422; for a query or header it is 400. */
function validationProblem(error: FrameworkError, requestId: string): Problem {
  const part = error.validationContext ?? "body";
  const errors = (error.validation ?? []).map((entry) => ({
    path: entry.instancePath,
    message: entry.message ?? "is not valid",
    in: part,
  }));
  const first = errors[0];
  const detail = first ? `${part}${first.path} ${first.message}` : `${part} is not valid`;
  if (part === "params") {
    const code = first?.path.startsWith("/queue")
      ? "invalid_queue_name"
      : first?.path === "/id"
        ? "invalid_task_id"
        : "invalid_argument";
    return problem(code, 422, detail, requestId, { errors });
  }
  return part === "body"
    ? problem("invalid_argument", 422, detail, requestId, { errors })
    : problem("invalid_request", 400, detail, requestId, { errors });
}

function frameworkCode(code: string | undefined, status: number): ProblemCode {
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE" || status === 413) return "payload_too_large";
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE" || status === 415) return "unsupported_media_type";
  if (status === 404) return "not_found";
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 408) return "request_timeout";
  if (status === 429) return "rate_limited";
  return "invalid_request";
}

/**
 * Returns the id that the client sent in `X-Request-Id`, or null if it is missing or could break a log line. Two
 * clients can send the same id, so it identifies nothing.
 */
export function clientRequestId(headers: IncomingMessage["headers"]): string | null {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9_.:-]{1,128}$/.test(given) ? given : null;
}

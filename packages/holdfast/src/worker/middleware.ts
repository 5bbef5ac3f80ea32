import { callback } from "../options/kinds.ts";
import { checkArgument } from "../options/shape.ts";
import type { Handler, HandlerContext, HandlerTask } from "./handler.ts";

/**
 * Code that runs around the handlers of a worker. The value that a middleware returns is the result of the attempt, and
 * the value that it throws is the error of the attempt. So most middlewares end with `return next()`.
 * @param next runs the next middleware, or the handler, and resolves with its result. It may be called only once
 */
export type Middleware = (task: HandlerTask, ctx: HandlerContext, next: () => Promise<unknown>) => unknown;

/** The middleware of a worker, in the order of registration. The first one is the outermost. */
export class MiddlewareChain {
  #layers: readonly Middleware[] = [];
  /** Wraps a handler in the middleware. Undefined without middleware, so that stack traces have no extra line. */
  around: ((handler: Handler) => Handler) | undefined;

  /** Adds a middleware inside the ones that are there. @throws HoldfastError invalid_argument */
  use(layer: Middleware): void {
    checkArgument("the middleware of a worker", callback, layer);
    // A new array, so that an attempt that runs keeps the middleware with which it began.
    const layers = [...this.#layers, layer];
    this.#layers = layers;
    this.around = (handler) => (task, ctx) => step(layers, 0, handler, task, ctx);
  }
}

async function step(
  layers: readonly Middleware[],
  at: number,
  handler: Handler,
  task: HandlerTask,
  ctx: HandlerContext,
): Promise<unknown> {
  const layer = layers[at];
  if (!layer) return handler(task, ctx);
  let isCalled = false;
  return layer(task, ctx, async () => {
    if (isCalled) throw new Error("a middleware called next() twice: the handler runs once per attempt");
    isCalled = true;
    return step(layers, at + 1, handler, task, ctx);
  });
}

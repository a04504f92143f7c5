/**
 * Returns the module of a function's handler. The handler `functions/operations/healthz.handler` is the export `handler` of the
 * module `functions/operations/healthz`.
 */
export const moduleOf = ({ handler }: { readonly handler: string }): string =>
  handler.slice(0, handler.indexOf('.', handler.lastIndexOf('/')));

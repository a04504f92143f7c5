// serverless-offline ships no types; this is what the plugin replaces of it.
declare module 'serverless-offline/lambda' {
  /** What its HTTP server, its scheduler and its Lambda API ask of a function. */
  export interface Invocable {
    setEvent(event: unknown): void;
    setClientContext(context: unknown): void;
    runHandler(): Promise<unknown>;
  }
  export default class Lambda {
    get(functionKey: string): Invocable;
  }
}

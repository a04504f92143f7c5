// serverless-offline has no type definitions. This file declares the class that the plugin patches.
declare module 'serverless-offline/lambda' {
  /** The interface through which serverless-offline's HTTP server, scheduler and Lambda API invoke a function. */
  export interface Invocable {
    setEvent(event: unknown): void;
    setClientContext(context: unknown): void;
    runHandler(): Promise<unknown>;
  }
  export default class Lambda {
    get(functionKey: string): Invocable;
  }
}

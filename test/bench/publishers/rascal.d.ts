// rascal ships no types; this is what is used of it here.
declare module 'rascal' {
  interface Publication {
    on(event: 'success' | 'return', listener: () => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
  }
  export class BrokerAsPromised {
    static create(config: object): Promise<BrokerAsPromised>;
    on(event: 'error', listener: (error: Error) => void): void;
    publish(name: string, body: Buffer, overrides: object): Promise<Publication>;
    shutdown(): Promise<void>;
  }
}

// rascal contains no types. These are the types of the parts that the benchmark uses.
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
